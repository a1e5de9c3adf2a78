// Captures what its first argument names, under the token of the second, and prints the ids of the events.
import { addBreadcrumb, captureException, captureMessage, close, init, setTag, setUser, withScope } from '../../bindings-node/dist/esm/index.js';

const [scenario, token] = process.argv.slice(2);
init({ release: 'sender@1.2.3', environment: 'end-to-end' });
setTag('run', token);
const ids = [];

function readRow(id) {
  throw new RangeError(`row ${id} of ${token} is out of range`);
}

function loadOrder(id) {
  try {
    readRow(id); // the line that the frame of loadOrder shows
  } catch (error) {
    throw new Error(`order ${id} of ${token} was not loaded`, { cause: error });
  }
}

const scenarios = {
  chain() {
    try {
      loadOrder(7);
    } catch (error) {
      withScope(() => {
        setUser({ id: 'user-7' });
        addBreadcrumb({ category: 'orders', message: 'order 7 was asked for' });
        ids.push(captureException(error, { context: { analysisId: 'a-17', model: 'm-1' }, tags: { area: 'orders' } }));
      });
    }
  },
  group() {
    const both = [new TypeError(`first of ${token}`), new SyntaxError(`second of ${token}`)];
    ids.push(captureException(new AggregateError(both, `all of ${token} failed`)));
  },
  message() {
    ids.push(captureMessage(`a message of ${token}`, 'warning'));
  },
  unhandled() {
    loadOrder(8);
  },
  rejection() {
    Promise.reject(new Error(`nobody waits for ${token}`));
  },
};

scenarios[scenario]();
if (ids.length > 0) {
  const { sent } = await close(20_000);
  console.log(JSON.stringify({ ids, sent }));
}

// One of the isolates beside the main thread. It has its own contenders and answers one run at a time.
import { parentPort, workerData } from 'node:worker_threads';

import { contenders } from './contenders.mjs';
import { run } from './rounds.mjs';

const { ready, flags } = workerData;
const list = await contenders(flags);

parentPort.on('message', ({ index, passes, isolates }) => {
  parentPort.postMessage(run(list[index], passes, ready, isolates));
});
parentPort.postMessage('loaded');

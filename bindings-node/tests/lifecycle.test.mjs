// From import to exit: what starts, what is kept, what closes.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { internals, json, PACKAGE, run } from './support.mjs';

test('import starts no thread and loads nothing native; init starts one', { skip: process.platform !== 'linux' }, async () => {
  const out = await json(`
    import * as fs from 'node:fs';
    import * as t from 'tallylight';
    const ours = () => fs.readdirSync('/proc/self/task')
      .map((id) => fs.readFileSync('/proc/self/task/' + id + '/comm', 'utf8').trim())
      .filter((name) => name.startsWith('tallylight')).length;
    const mapped = () => fs.readFileSync('/proc/self/maps', 'utf8').includes('tallylight.');
    const seen = [[ours(), mapped()]];
    t.operation('before').record(1);
    seen.push([ours(), mapped()]);
    t.init();
    t.init();
    // A thread names itself when it first runs.
    for (let i = 0; i < 1000 && ours() === 0; i++) await new Promise((resolve) => setTimeout(resolve, 5));
    seen.push([ours(), mapped()]);
    t.shutdown();
    seen.push([ours(), mapped()]);
    console.log(JSON.stringify(seen));`);
  assert.deepEqual(out, [[0, false], [0, true], [1, true], [0, true]]);
});

test('a process that imported, initialised and recorded exits by itself', async () => {
  for (const type of ['module', 'commonjs']) {
    const load = type === 'module' ? `import * as t from 'tallylight';` : `const t = require('tallylight');`;
    const { code, stderr } = await run(`${load} t.init(); t.operation('a').record(1); t.status();`, { type });
    assert.equal(code, 0, stderr);
  }
});

test('what is recorded before init is kept', async () => {
  const out = await json(`
    import * as t from 'tallylight';
    t.operation('early', {}, { kind: 'server' }).record(2);
    t.counter('early calls').add(3);
    const client = t.init({ service: 'checkout', release: '1.2.3', environment: 'staging' });
    client.operation('early', {}, { kind: 'server' }).record(4);
    const { service, environment, process: { runtime }, metrics: { totalRequests }, counters } = client.status();
    console.log(JSON.stringify({ service, environment, runtime, totalRequests, calls: counters[0].value }));`);
  assert.deepEqual(out, {
    service: { name: 'checkout', release: '1.2.3' },
    environment: 'staging',
    runtime: 'node',
    totalRequests: 2,
    calls: 3,
  });
});

test('init twice is the same object, or a ConflictError that names the setting', async () => {
  const out = await json(`
    import * as t from 'tallylight';
    const first = t.init({ service: 'one', maxSeries: 10 });
    const same = first === t.init({ maxSeries: 10, service: 'one' });
    let error;
    try { t.init({ service: 'two', maxSeries: 10 }); } catch (caught) { error = caught; }
    console.log(JSON.stringify({
      same, kind: error instanceof t.ConflictError, code: error.code, message: error.message,
      service: first.status().service.name,
    }));`);
  assert.equal(out.same, true);
  assert.equal(out.kind, true);
  assert.equal(out.code, 'conflict');
  assert.match(out.message, /service/);
  assert.doesNotMatch(out.message, /two/);
  assert.equal(out.service, 'one');
});

test('environment variables fill in what init does not say', async () => {
  const out = await json(
    `
    import { init } from 'tallylight';
    const { service, environment, telemetry: { maxSeries } } = init({ service: 'given' }).status();
    console.log(JSON.stringify({ service, environment, maxSeries }));`,
    {
      env: {
        TALLYLIGHT_SERVICE: 'variable',
        TALLYLIGHT_RELEASE: '9',
        TALLYLIGHT_ENVIRONMENT: 'qa',
        TALLYLIGHT_MAX_SERIES: '77',
      },
    },
  );
  assert.deepEqual(out, { service: { name: 'given', release: '9' }, environment: 'qa', maxSeries: 77 });
});

test('after shutdown recordings are counted drops, what was recorded can be read, and init opens again', async () => {
  const out = await json(`
    import * as t from 'tallylight';
    t.init();
    const recorder = t.operation('closing');
    const calls = t.counter('closing calls');
    const values = t.histogram('closing values');
    const level = t.gauge('closing level');
    const all = () => {
      recorder.record(1); recorder.recordError(1, 'E'); recorder.time(() => {}); recorder.start().end();
      calls.increment(); values.record(1); level.set(1);
      t.operation('registered late').record(1);
    };
    const state = () => {
      const { series } = t.snapshot();
      const of = (name) => series.find((one) => one.name === name);
      return { count: of('closing').count, calls: of('closing calls').value, values: of('closing values').count,
        late: of('registered late').count, closed: t.drops().closed };
    };
    all();
    const states = [state()];
    t.shutdown();
    t.shutdown();
    all();
    recorder.record(NaN);
    states.push(state());
    t.init();
    all();
    states.push(state());
    console.log(JSON.stringify(states));`);
  assert.deepEqual(out, [
    { count: 4, calls: 1, values: 1, late: 1, closed: 0 },
    { count: 4, calls: 1, values: 1, late: 1, closed: 8 },
    { count: 8, calls: 2, values: 2, late: 2, closed: 8 },
  ]);
});

test('after shutdown init takes other settings', async () => {
  const out = await json(`
    import * as t from 'tallylight';
    t.init({ service: 'one' });
    t.shutdown();
    console.log(JSON.stringify(t.init({ service: 'two' }).status().service.name));`);
  assert.equal(out, 'two');
});

test('the version is the package, the core and the command', async () => {
  const out = await json(`
    import { readFileSync } from 'node:fs';
    import { status, version } from 'tallylight';
    const { version: packaged } = JSON.parse(readFileSync('package.json', 'utf8'));
    console.log(JSON.stringify([version, packaged, status().process.sdkVersion]));`);
  assert.deepEqual(new Set(out).size, 1);
  const { code, stdout } = await run('', { args: ['dist/cjs/bin.cjs', 'version'] });
  assert.equal(code, 0);
  assert.match(stdout, new RegExp(`^tallylight ${out[0].replaceAll('.', '\\.')}\\b`));
  const wrong = await run('', { args: ['dist/cjs/bin.cjs', 'no-such-command'] });
  assert.equal(wrong.code, 2);
  assert.equal(wrong.stdout, '');
});

test('a panic in the core would cross as an InternalError, and foreign errors too', async () => {
  const { fromNative } = await internals('errors');
  const { InternalError, ConflictError } = await import('tallylight');
  const native = Object.assign(new Error('a fault inside Tallylight was contained: x'), { code: 'internal' });
  assert.ok(fromNative(native) instanceof InternalError);
  const strange = fromNative(Object.assign(new Error('Given napi value is not an array'), { code: 'ArrayExpected' }));
  assert.ok(strange instanceof InternalError);
  assert.equal(strange.cause.code, 'ArrayExpected');
  const caused = fromNative(Object.assign(new Error('c', { cause: new Error('root') }), { code: 'conflict' }));
  assert.ok(caused instanceof ConflictError);
  assert.equal(caused.cause.message, 'root');
});

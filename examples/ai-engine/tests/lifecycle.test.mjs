/**
 * Starting and ending: signals, draining, the one-command start, wrong uses.
 */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CALM, eventually, getJson, post, row, run, startEngine, startProgram } from './support.mjs';

test('SIGTERM and SIGINT end the server and the stub with exit code 0', async (t) => {
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT'])) {
    const { engine, model, analyze } = await startEngine(t);
    assert.equal((await analyze({ text: 'a' })).status, 200);
    for (const program of [engine, model]) {
      program.child.kill(signal);
      const { code, stderr } = await program.ended;
      assert.equal(code, 0, stderr);
      assert.equal(stderr, '');
    }
  }
});

test('a request that is running at SIGTERM gets its answer, a new one no connection', async (t) => {
  const engine = await startEngine(t, { stub: [...CALM, '--speed', '1'] });
  await engine.control({ latency: { firstTokenMs: 400, sigma: 0, tailRate: 0 } });
  const running = [
    engine.analyze({ text: 'a', outputTokens: 20 }, { connection: 'keep-alive' }),
    engine.analyze({ text: 'a', outputTokens: 64, stream: true }, { connection: 'keep-alive' }),
  ];
  await eventually(async () => assert.equal((await engine.control()).counts.calls, 2));
  engine.engine.child.kill('SIGTERM');
  for (const answer of await Promise.all(running)) assert.equal(answer.status, 200);
  const { code, stderr } = await engine.engine.ended;
  assert.equal(code, 0, stderr);
  await assert.rejects(getJson(`${engine.url}/api/health`), { code: 'ECONNREFUSED' });
});

test('what outlasts the drain time is told so, and the server still ends cleanly', async (t) => {
  const engine = await startEngine(t, { server: ['--drain-ms', '50'] });
  await engine.control({ next: ['timeout'] });
  const running = engine.analyze({ text: 'a' });
  await eventually(async () => assert.equal((await engine.control()).counts.calls, 1));
  engine.engine.child.kill('SIGTERM');
  const answer = await running;
  assert.equal(answer.status, 503);
  assert.equal(answer.body.error.type, 'ShuttingDown');
  assert.equal((await engine.engine.ended).code, 0);
});

test('a second signal does not wait', async (t) => {
  const engine = await startEngine(t);
  await engine.control({ next: ['timeout'] });
  const running = engine.analyze({ text: 'a' }).catch((error) => error);
  await eventually(async () => assert.equal((await engine.control()).counts.calls, 1));
  engine.engine.child.kill('SIGTERM');
  await eventually(() => assert.rejects(getJson(`${engine.url}/api/health`), { code: 'ECONNREFUSED' }));
  engine.engine.child.kill('SIGTERM');
  assert.equal((await engine.engine.ended).code, 143);
  await running;
});

test('start.mjs runs everything with one command, and its end is the end of all', async (t) => {
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT', 'SIGKILL'])) {
    const start = await startProgram(t, 'start', ['--port', '0', '--speed', '100', '--rps', '20', '--quiet']);
    const { url, status, health, model } = start.ready;
    assert.equal(start.ready.ready, true);
    assert.equal((await getJson(health)).body.status, 'healthy');
    assert.equal((await post(`${url}/analyze`, { text: 'a' })).status, 200);
    // The load is at work, too.
    await eventually(async () => {
      assert.ok(row((await getJson(status)).body.operations, 'POST /analyze').count > 5);
    });
    start.child.kill(signal);
    const { code, stderr } = await start.ended;
    if (signal !== 'SIGKILL') assert.equal(code, 0, stderr);
    for (const address of [health, model.control]) {
      await eventually(() => assert.rejects(getJson(address), { code: 'ECONNREFUSED' }));
    }
  }
});

test('a part whose starter dies before it has booted ends as well', async () => {
  for (const name of ['server', 'stub-model', 'load']) {
    const path = fileURLToPath(new URL(`../${name}.mjs`, import.meta.url));
    const args = name === 'load' ? ['--url', 'http://127.0.0.1:1', '--seconds', '0'] : ['--port', '0'];
    const child = fork(path, args, { stdio: 'ignore' });
    child.disconnect();
    assert.deepEqual(await once(child, 'exit'), [0, null], name);
  }
});

test('start.mjs --seconds ends by itself with a summary', async () => {
  const { code, stdout, stderr } = await run('start', [
    '--port',
    '0',
    '--speed',
    '100',
    '--rps',
    '50',
    '--seconds',
    '1',
    '--quiet',
  ]);
  assert.equal(code, 0, stderr);
  const [ready, finished] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(ready.ready, true);
  assert.equal(finished.finished, true);
  assert.ok(finished.load.completed > 0);
  assert.equal(finished.load.completed, finished.load.sent);
});

test('start.mjs fails when a part of it fails', async (t) => {
  const blocker = http.createServer().listen(0, '127.0.0.1');
  t.after(() => blocker.close());
  await once(blocker, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (blocker.address());
  const { code, stderr } = await run('start', ['--port', String(port)]);
  assert.equal(code, 1);
  assert.match(stderr, /EADDRINUSE.*--port 0/);
});

test('every program explains itself and refuses a wrong use with exit code 2', async () => {
  for (const name of ['server', 'stub-model', 'load', 'start']) {
    const help = await run(name, ['--help']);
    assert.equal(help.code, 0);
    assert.match(help.stdout, new RegExp(`Usage: node ${name}\\.mjs[^]*Examples:`));
    for (const args of [['--no-such-flag'], ['stray'], [name === 'load' ? '--rps' : '--port', 'many']]) {
      const wrong = await run(name, args);
      assert.equal(wrong.code, 2, `${name} ${args}`);
      assert.match(wrong.stderr, /Hint: node .* --help/);
      assert.equal(wrong.stdout, '');
    }
  }
});

test('a load with nobody to talk to says so', async () => {
  const { code, stderr } = await run('load', [
    '--url',
    'http://127.0.0.1:1',
    '--rps',
    '50',
    '--seconds',
    '0.2',
    '--quiet',
  ]);
  assert.equal(code, 1);
  assert.match(stderr, /never answered \(ECONNREFUSED\).*Hint/);
});

/**
 * `load.mjs --replay`: a recorded service's arrivals and token counts, and what becomes of bad files.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { replayArrivals } from '../load/arrivals.mjs';
import { describeTrace } from '../load/trace.mjs';
import { eventually, row, run, startEngine, tokens } from './support.mjs';

const HEADER = 'TIMESTAMP,ContextTokens,GeneratedTokens';
const REAL = fileURLToPath(
  new URL('../../../../shared/data/azure-llm/AzureLLMInferenceTrace_conv.csv', import.meta.url),
);

/**
 * @param {import('node:test').TestContext} t
 * @param {string} text
 */
async function csv(t, text) {
  const folder = await mkdtemp(join(tmpdir(), 'ai-engine-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'trace.csv');
  await writeFile(file, text);
  return file;
}

test('a replay sends the very token counts of its file', async (t) => {
  const engine = await startEngine(t);
  const rows = Array.from(
    { length: 40 },
    (_, i) => `2023-11-16 18:17:${String(i).padStart(2, '0')}.1234567,${100 + i},${10 + i}`,
  );
  const file = await csv(t, `${[HEADER, ...rows].join('\r\n')}\r\n`);
  const { code, stdout, stderr } = await run('load', [
    '--url',
    engine.url,
    '--replay',
    file,
    '--compress',
    '40',
    '--json',
  ]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /40 arrivals in 39 s/);
  const load = JSON.parse(stdout);
  assert.deepEqual(load.byStatus, { 200: 40 });
  assert.deepEqual(load.tokens, { input: 40 * 100 + 780, output: 40 * 10 + 780 });
  await eventually(async () => {
    const status = await engine.status();
    assert.equal(row(status.operations, 'POST /analyze').count, 40);
    assert.equal(tokens(status, 'input').sum, load.tokens.input);
    assert.equal(tokens(status, 'output').sum, load.tokens.output);
  });
});

test('arrivals keep their distances, divided by the compression', async (t) => {
  const file = await csv(
    t,
    [HEADER, '2023-11-16 23:59:59.5000000,1,2', '2023-11-17 00:00:00.7500000,3,4', '2023-11-17 00:00:04.5,5,6'].join(
      '\n',
    ),
  );
  const found = [];
  for await (const arrival of replayArrivals({ file, compress: 2, seconds: 0, seed: 1, streamShare: 0 }))
    found.push(arrival);
  assert.deepEqual(
    found.map(({ atMs }) => atMs),
    [0, 625, 2500],
  );
  assert.deepEqual(found[2]?.body, { documentId: 'replay-3', inputTokens: 5, outputTokens: 6, stream: false });
});

test('a bad file is an error with its line, before anything is sent', async (t) => {
  const good = '2023-11-16 18:17:03.97,1,2';
  /** @type {[string, number, RegExp][]} */
  const cases = [
    ['', 1, /no arrival/],
    [HEADER, 1, /no arrival/],
    ['a,b,c\n', 1, /no column TIMESTAMP/],
    [`${HEADER}\n${good}\n2023-11-16 18:17:04,x,2`, 3, /ContextTokens is 'x'/],
    [`${HEADER}\n${good}\n2023-11-16 18:17:04,5,-1`, 3, /GeneratedTokens is '-1'/],
    [`${HEADER}\n${good}\n2023-11-16 18:17:04,5`, 3, /GeneratedTokens/],
    [`${HEADER}\nyesterday,5,1`, 2, /TIMESTAMP is no time: 'yesterday'/],
    [`${HEADER}\n2023-13-46 18:17:04,5,1`, 2, /TIMESTAMP is no time/],
    [`${HEADER}\n${good}\n2023-11-16 18:17:02,5,1`, 3, /earlier/],
  ];
  for (const [text, line, message] of cases) {
    const file = await csv(t, text);
    const { code, stderr, stdout } = await run('load', ['--replay', file, '--url', 'http://127.0.0.1:1']);
    assert.equal(code, 1, stderr);
    assert.equal(stdout, '');
    assert.ok(stderr.includes(`${file}:${line}: `), stderr);
    assert.match(stderr, message);
    assert.match(stderr, /Hint: /);
    assert.doesNotMatch(stderr, /\bat .*\.mjs:/, 'no stack');
  }
  const missing = await run('load', ['--replay', '/no/such/file.csv']);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /cannot read the replay.*\/no\/such\/file\.csv/);
});

test(
  'the recorded hour of a real service can be replayed',
  { skip: existsSync(REAL) ? false : 'the recorded trace is not on this machine' },
  async (t) => {
    const found = await describeTrace(REAL);
    assert.equal(found.arrivals, 19_366);
    const engine = await startEngine(t);
    const { code, stdout, stderr } = await run('load', [
      '--url',
      engine.url,
      '--replay',
      REAL,
      '--compress',
      '20',
      '--seconds',
      '3',
      '--json',
      '--quiet',
    ]);
    assert.equal(code, 0, stderr);
    const load = JSON.parse(stdout);
    let sent = 0;
    let inputTokens = 0;
    let outputTokens = 0;
    for await (const { body } of replayArrivals({ file: REAL, compress: 20, seconds: 3, seed: 1, streamShare: 0.5 })) {
      sent += 1;
      inputTokens += body.inputTokens;
      outputTokens += body.outputTokens ?? 0;
    }
    assert.equal(load.sent, sent);
    assert.deepEqual(load.byStatus, { 200: sent });
    assert.deepEqual(load.tokens, { input: inputTokens, output: outputTokens });
    await eventually(async () => assert.equal(row((await engine.status()).operations, 'POST /analyze').count, sent));
  },
);

/**
 * The service as HTTP: answers, refusals, bounds, and clients that leave.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { CALM, eventually, getJson, modelRow, responses, row, send, startEngine, tokens } from './support.mjs';

test('an analysis answers its text, usage and names, and its tokens are recorded', async (t) => {
  const engine = await startEngine(t);
  const { status: code, body } = await engine.analyze({ documentId: 'reel-7', inputTokens: 1234, outputTokens: 56 });
  assert.equal(code, 200);
  assert.equal(body.documentId, 'reel-7');
  assert.match(body.analysisId, /^[0-9a-f-]{36}$/);
  assert.equal(body.finishReason, 'STOP');
  assert.deepEqual(body.usage, { inputTokens: 1234, outputTokens: 56 });
  assert.equal(body.text.length, 4 * 56);
  await eventually(async () => {
    const status = await engine.status();
    assert.equal(tokens(status, 'input').sum, 1234);
    assert.equal(tokens(status, 'output').sum, 56);
    const { labels, kind } = modelRow(status);
    assert.equal(kind, 'model');
    assert.deepEqual(labels, {
      'gen_ai.operation.name': 'generate_content',
      'gen_ai.provider.name': 'gcp.gemini',
      'gen_ai.request.model': 'gemini-2.5-flash',
    });
  });
});

test('a stream arrives in pieces, as NDJSON or as SSE, and its first chunk is timed', async (t) => {
  const engine = await startEngine(t);
  const body = { text: 'x'.repeat(400), outputTokens: 160, stream: true };
  const ndjson = await engine.analyze(body);
  assert.match(ndjson.headers['content-type'] ?? '', /ndjson/);
  const sse = await engine.analyze(body, { accept: 'text/event-stream' });
  assert.match(sse.headers['content-type'] ?? '', /text\/event-stream/);
  const lists = [
    ndjson.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
    sse.text
      .trim()
      .split('\n\n')
      .map((event) => JSON.parse(event.replace(/^event: \w+\ndata: /, ''))),
  ];
  for (const events of lists) {
    assert.deepEqual([...new Set(events.map((event) => event.type))], ['start', 'chunk', 'done']);
    const chunks = events.filter((event) => event.type === 'chunk');
    assert.equal(chunks.length, 10);
    assert.equal(chunks.map((chunk) => chunk.text).join('').length, 640);
    assert.deepEqual(events.at(-1).usage, { inputTokens: 100, outputTokens: 160 });
  }
  await engine.analyze({ ...body, stream: false });
  await eventually(async () => {
    const status = await engine.status();
    assert.equal(modelRow(status).count, 3);
    const first = row(status.histograms, 'gen_ai.client.operation.time_to_first_chunk');
    assert.equal(first.count, 2, 'streams only');
    assert.equal(first.unit, 's');
    assert.equal(tokens(status, 'output').sum, 3 * 160);
  });
});

test('health and status answer, also to HEAD, and are counted apart from the requests', async (t) => {
  const engine = await startEngine(t);
  assert.deepEqual((await getJson(`${engine.url}/api/health`)).body, { status: 'healthy' });
  const head = await send(`${engine.url}/api/health?probe=1`, { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(head.text, '');
  const document = await getJson(`${engine.url}/api/monitoring/status`);
  assert.equal(document.headers['cache-control'], 'no-store');
  assert.equal(document.body.service.name, 'ai-engine');
  await eventually(async () => {
    const { operations, metrics } = await engine.status();
    assert.equal(row(operations, 'GET /api/health').count, 1);
    assert.equal(row(operations, 'HEAD /api/health').count, 1);
    assert.ok(row(operations, 'GET /api/monitoring/status').count >= 1);
    assert.equal(row(operations, 'GET /api/health').kind, 'internal');
    assert.equal(metrics.totalRequests, 0);
  });
});

test('bad requests are refused with a reason, and are no errors of the service', async (t) => {
  const engine = await startEngine(t);
  const url = `${engine.url}/analyze`;
  /** @type {[string | Buffer, string, RegExp][]} */
  const cases = [
    ['', 'InvalidJson', /empty/],
    ['{"text":', 'InvalidJson', /JSON/],
    ['[1]', 'InvalidJson', /object/],
    ['null', 'InvalidJson', /object/],
    [Buffer.from([0x7b, 0xff, 0x7d]), 'InvalidJson', /UTF-8/],
    ['{}', 'InvalidRequest', /text .*inputTokens/],
    ['{"text":"a","inputTokens":5}', 'InvalidRequest', /either/],
    ['{"text":"  "}', 'InvalidRequest', /not empty/],
    ['{"text":7}', 'InvalidRequest', /text/],
    ['{"inputTokens":0}', 'InvalidRequest', /1 to/],
    ['{"inputTokens":1.5}', 'InvalidRequest', /whole/],
    ['{"inputTokens":1e9}', 'InvalidRequest', /200000/],
    ['{"text":"a","outputTokens":"9"}', 'InvalidRequest', /outputTokens/],
    ['{"text":"a","stream":"yes"}', 'InvalidRequest', /stream/],
    ['{"text":"a","documentId":9}', 'InvalidRequest', /documentId/],
  ];
  for (const [body, type, message] of cases) {
    const answer = await send(url, { method: 'POST', body });
    assert.equal(answer.status, 400, String(body));
    assert.equal(answer.body.error.type, type);
    assert.match(answer.body.error.message, message);
  }
  await eventually(async () => {
    const status = await engine.status();
    assert.equal(row(status.operations, 'POST /analyze').count, cases.length);
    assert.equal(responses(status, 400), cases.length);
    assert.equal(status.metrics.totalErrors, 0);
    assert.equal(modelRow(status).count, 0);
  });
});

test('a body over 1 MB is a 413, announced or not, and the connection lives on', async (t) => {
  const engine = await startEngine(t);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const large = Buffer.alloc(1024 * 1024 + 1, 0x20);
  const fits = Buffer.concat([Buffer.from('{"text":"a"}'), Buffer.alloc(1024 * 1024 - 12, 0x20)]);
  /** @type {[Buffer, Record<string, string | number>, number][]} */
  const cases = [
    [large, { 'content-length': large.length }, 413],
    [large, { 'transfer-encoding': 'chunked' }, 413],
    [fits, { 'content-length': fits.length }, 200],
  ];
  for (const [body, headers, expected] of cases) {
    const request = http.request(`${engine.url}/analyze`, { method: 'POST', agent, headers });
    request.end(body);
    const [response] = await once(request, 'response');
    assert.equal(response.statusCode, expected);
    response.resume();
    await once(response, 'end');
  }
  await eventually(async () => {
    const status = await engine.status();
    assert.equal(responses(status, 413), 2);
    assert.equal(status.metrics.totalErrors, 0);
  });
});

test('unknown routes and methods share one template and cannot invent series', async (t) => {
  const engine = await startEngine(t);
  for (let i = 0; i < 20; i += 1) assert.equal((await getJson(`${engine.url}/admin/${i}?q=${i}`)).status, 404);
  assert.equal((await send(`${engine.url}/analyze/`, { method: 'PROPFIND' })).status, 404);
  assert.equal((await send(`${engine.url}//`)).status, 404);
  const wrong = await getJson(`${engine.url}/analyze`);
  assert.equal(wrong.status, 405);
  assert.equal(wrong.headers.allow, 'POST');
  await eventually(async () => {
    const { operations, metrics } = await engine.status();
    assert.equal(row(operations, 'GET /*').count, 21);
    assert.equal(row(operations, '_OTHER /*').count, 1);
    assert.equal(row(operations, 'GET /analyze').count, 1);
    assert.equal(metrics.totalErrors, 0);
  });
});

test('clients that leave are counted apart, and are errors neither of the service nor of the model', async (t) => {
  const engine = await startEngine(t, { stub: [...CALM, '--speed', '1'] });
  const start = (/** @type {object} */ body) => {
    const request = http.request(`${engine.url}/analyze`, { method: 'POST', agent: false });
    request.on('error', () => {});
    request.end(JSON.stringify(body));
    return request;
  };
  const modelCalls = (/** @type {number} */ calls) =>
    eventually(async () => assert.equal((await engine.control()).counts.calls, calls));

  // While the model works on a whole answer.
  await engine.control({ next: ['timeout'] });
  const waiting = start({ text: 'a' });
  await modelCalls(1);
  waiting.destroy();

  // In the middle of a stream.
  await engine.control({ latency: { perOutputTokenMs: 1000, firstTokenMs: 1, tailRate: 0 } });
  const streaming = start({ text: 'a', outputTokens: 500, stream: true });
  const [response] = await once(streaming, 'response');
  await once(response, 'data');
  streaming.destroy();

  // In the middle of the upload: the model is never asked.
  const uploading = http.request(`${engine.url}/analyze`, {
    method: 'POST',
    agent: false,
    headers: { 'content-length': 1000 },
  });
  uploading.on('error', () => {});
  uploading.write('{"text":');
  await eventually(async () =>
    assert.equal(row((await engine.status()).gauges, 'http.server.active_requests').value, 2),
  );
  uploading.destroy();

  await eventually(async () => {
    const status = await engine.status();
    const analyze = row(status.operations, 'POST /analyze');
    assert.equal(analyze.count, 3);
    assert.equal(analyze.errors, 0);
    assert.equal(row(status.counters, 'ai_engine.http.client_aborts', { 'http.route': '/analyze' }).value, 3);
    assert.equal(modelRow(status).count, 2);
    assert.equal(modelRow(status).errors, 0);
    assert.equal(row(status.counters, 'ai_engine.model.cancelled').value, 2);
    assert.equal((await engine.control()).counts.cancelled, 2, 'the model is told');
  });
});

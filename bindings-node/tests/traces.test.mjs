// Spans and transactions: how they nest, what is captured of them, what is measured, how a trace comes
// in and goes on.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import * as t from 'tallylight';

import { QUIET, recorded } from './errors-support.mjs';
import { json, native, series } from './support.mjs';

let decide;
t.init({
  environment: 'test',
  release: 'app@1',
  errors: {
    ...QUIET,
    dsn: 'http://key@o42.localhost:9/1',
    spool: false,
    tracesSampleRate: 1,
    profilesSampleRate: 0,
    breadcrumbs: false,
    shutdownTimeout: 0,
    tracesSampler: (context) => decide?.(context),
  },
});
const items = recorded();

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

/** The transactions that `act` captures. */
async function transactions(act) {
  const before = items.length;
  await act();
  return items.slice(before).filter(({ category }) => category === 'transaction');
}

const only = async (act) => {
  const found = await transactions(act);
  assert.equal(found.length, 1);
  return found[0];
};

const row = (name) => t.status().operations.find((one) => one.name === name);

test('spans nest as the calls do, over awaits and beside each other', async () => {
  const { id, event } = await only(() =>
    t.startSpan({ name: 'nest', op: 'http.server', attributes: { route: '/nest', skipped: undefined } }, async (root) => {
      await Promise.all(
        [1, 2, 3].map((number) =>
          t.startSpan({ name: `branch ${number}`, op: 'function' }, async () => {
            await sleep(3 - number);
            t.startSpan({ name: `leaf ${number}` }, () => {});
          }),
        ),
      );
      assert.equal(t.activeSpan(), root);
    }),
  );
  assert.equal(event.type, 'transaction');
  assert.equal(event.transaction, 'nest');
  assert.deepEqual(event.transaction_info, { source: 'custom' });
  assert.equal(event.event_id, id);
  const { trace } = event.contexts;
  assert.equal(trace.op, 'http.server');
  assert.equal(trace.status, 'ok');
  assert.deepEqual(trace.data, { route: '/nest' });
  assert.equal(trace.parent_span_id, undefined);
  const spans = Object.fromEntries(event.spans.map((span) => [span.description, span]));
  assert.equal(event.spans.length, 6);
  for (const number of [1, 2, 3]) {
    assert.equal(spans[`branch ${number}`].parent_span_id, trace.span_id);
    assert.equal(spans[`leaf ${number}`].parent_span_id, spans[`branch ${number}`].span_id);
  }
  for (const span of event.spans) {
    assert.equal(span.trace_id, trace.trace_id);
    assert.ok(span.start_timestamp >= event.start_timestamp && span.timestamp <= event.timestamp);
    assert.ok(span.timestamp >= span.start_timestamp);
  }
  assert.ok(Math.abs(event.timestamp - Date.now() / 1e3) < 60);
});

test('what is answered and thrown is what the function answered and threw', async () => {
  assert.equal(t.startSpan({ name: 'plain' }, () => 7), 7);
  const failure = new RangeError('on purpose');
  const { event } = await only(() => {
    assert.throws(() => t.startSpan({ name: 'failing' }, () => { throw failure; }), (error) => error === failure);
  });
  assert.equal(event.contexts.trace.status, 'internal_error');
  assert.equal(event.contexts.trace.data['error.type'], 'RangeError');
  await assert.rejects(t.startSpan({ name: 'rejecting' }, async () => { throw failure; }), failure);
  const thenable = { then: (done) => done(3) };
  assert.equal(await t.startSpan({ name: 'thenable' }, () => thenable), 3);
});

test('a transaction is measured once as the operation of its name, sampled or not', async () => {
  decide = () => false;
  const unsampled = await transactions(() => t.startSpan({ name: 'GET /measured', op: 'http.server' }, () => sleep(2)));
  assert.deepEqual(unsampled, []);
  decide = () => true;
  await assert.rejects(t.startSpan({ name: 'GET /measured', op: 'http.server' }, async () => { throw new TypeError('x'); }));
  decide = undefined;
  const { kind, count, errorsByType, exemplars } = row('GET /measured');
  assert.deepEqual({ kind, count, errorsByType }, { kind: 'server', count: 2, errorsByType: { TypeError: 1 } });
  assert.equal(exemplars.length, 1, 'only of the one that was captured');
  const { id, event } = items.findLast(({ event }) => event.transaction === 'GET /measured');
  assert.equal(exemplars[0].eventId, id);
  assert.equal(exemplars[0].traceId, event.contexts.trace.trace_id);
  assert.equal(series('GET /measured').exemplars[0].eventId, id);

  await only(() => t.startSpan({ name: 'unmeasured', measured: false }, () => {}));
  assert.equal(row('unmeasured'), undefined);
  await only(() => t.startSpan({ name: 'job', op: 'queue.process', labels: { queue: 'mail' } }, () => {}));
  assert.deepEqual([row('job').kind, row('job').labels], ['job', { queue: 'mail' }]);
});

test('a status says how it went; a caller at fault is no failure of the operation', async () => {
  for (const [status, errors] of [['not_found', 0], ['cancelled', 0], ['unavailable', 1], ['error', 2]]) {
    const { event } = await only(() => t.startSpan({ name: 'status' }, (span) => span.setStatus(status)));
    assert.equal(event.contexts.trace.status, status === 'error' ? 'internal_error' : status);
    assert.equal(row('status').errors, errors, status);
  }
  await only(() => t.startSpan({ name: 'status' }, (span) => void span.fail('RateLimited')));
  assert.equal(row('status').errorsByType.RateLimited, 1);
});

test('an operation of another kind is a counted drop, never an error', async () => {
  t.operation('taken', {}, { kind: 'job' });
  const before = t.drops().refused;
  assert.equal(await t.startSpan({ name: 'taken', op: 'http.server' }, async () => 1), 1);
  assert.equal(t.drops().refused, before + 1);
});

test('1,000 spans are kept, and the rest is a number', async () => {
  const { event } = await only(() =>
    t.startSpan({ name: 'many' }, () => {
      for (let i = 0; i < 1_250; i++) t.startSpan({ name: `span ${i}` }, () => {});
      // These two never end, or end too late.
      t.startInactiveSpan({ name: 'open' });
      setImmediate((span) => span.end(), t.startInactiveSpan({ name: 'late' }));
    }),
  );
  assert.equal(event.spans.length, 1_000);
  assert.equal(event.contexts.trace.data['tallylight.dropped_spans'], 252);
  await sleep(1);
});

test('what goes on after its transaction is another one of the same trace', async () => {
  let late;
  const found = await transactions(async () => {
    t.startSpan({ name: 'first' }, () => {
      late = sleep(1).then(() => t.startSpan({ name: 'after' }, () => {}));
    });
    await late;
  });
  const [first, after] = found.map(({ event }) => event.contexts.trace);
  assert.equal(after.trace_id, first.trace_id);
  assert.equal(after.parent_span_id, first.span_id);
});

test('an inactive span holds none that start later, and lasts until it ends', async () => {
  const { event } = await only(() =>
    t.startSpan({ name: 'outer' }, () => {
      const span = t.startInactiveSpan({ name: 'inactive' });
      t.startSpan({ name: 'beside' }, () => {});
      t.withActiveSpan(span, () => t.startSpan({ name: 'inside' }, () => {}));
      span.setAttribute('a', 1).updateName('renamed');
      span.end();
      span.end();
      span.setAttribute('a', 2);
    }),
  );
  const spans = Object.fromEntries(event.spans.map((span) => [span.description, span]));
  assert.equal(event.spans.length, 3);
  assert.equal(spans.beside.parent_span_id, event.contexts.trace.span_id);
  assert.equal(spans.inside.parent_span_id, spans.renamed.span_id);
  assert.deepEqual(spans.renamed.data, { a: 1 });
});

test('headers are read as the vectors say, and go on', () => {
  const { incoming } = JSON.parse(readFileSync(new URL('../../tests/vectors/propagation.json', import.meta.url), 'utf8'));
  for (const { what, headers, traceId, parentSpanId, sampled, sampleRate, sampleRand, baggage } of incoming) {
    const out = t.continueTrace(headers, () => t.traceHeaders());
    const [trace, span, flag] = out['sentry-trace'].split('-');
    if (traceId === null) {
      assert.notEqual(trace, TRACE, what);
      continue;
    }
    assert.equal(trace, traceId, what);
    assert.notEqual(span, parentSpanId, what);
    assert.equal(flag, sampled === null ? undefined : String(Number(sampled)), what);
    if (baggage !== null) assert.equal(out.baggage ?? '', baggage, what);
    const read = native().traceIncoming(headers['sentry-trace'], headers.baggage, headers.traceparent);
    assert.equal(read.sampleRate ?? null, sampleRate, what);
    if (sampleRand !== null) assert.equal(read.sampleRand, sampleRand, what);
  }
});

test('the sample is the one of the vectors', () => {
  const cases = JSON.parse(readFileSync(new URL('../../tests/vectors/sampling.json', import.meta.url), 'utf8'));
  for (const one of cases) {
    // The rate set here is 1; what the others set is asked for.
    if (one.asked === null && one.parent === null && one.rate !== 1) continue;
    const asked = one.asked === null ? undefined : Number(one.asked);
    const { sampled, sampleRate } = native().traceStart(one.rand, one.parent ?? undefined, one.parentRate ?? undefined, asked);
    assert.equal(sampled, one.sampled, JSON.stringify(one));
    assert.equal(sampleRate ?? null, one.sampleRate, JSON.stringify(one));
  }
});

test('a transaction continues the trace of a request and hands it on', async () => {
  const baggage = `sentry-trace_id=${TRACE},sentry-public_key=theirs,sentry-sample_rate=0.5,sentry-sampled=true`;
  let out;
  const { event, trace } = await only(() =>
    t.continueTrace({ 'sentry-trace': `${TRACE}-${SPAN}-1`, baggage: ['other=1', baggage] }, () =>
      t.startSpan({ name: 'continued' }, (span) => {
        out = t.traceHeaders({ baggage: 'mine=1' });
        assert.equal(span.traceId, TRACE);
      }),
    ),
  );
  assert.equal(event.contexts.trace.trace_id, TRACE);
  assert.equal(event.contexts.trace.parent_span_id, SPAN);
  assert.deepEqual(out, {
    'sentry-trace': `${TRACE}-${event.contexts.trace.span_id}-1`,
    baggage: `mine=1,${baggage}`,
    traceparent: `00-${TRACE}-${event.contexts.trace.span_id}-01`,
  });
  assert.deepEqual(JSON.parse(trace), { trace_id: TRACE, public_key: 'theirs', sample_rate: '0.5', sampled: 'true' });

  for (const headers of [new Headers({ traceparent: `00-${TRACE}-${SPAN}-00` }), { sentryTrace: `${TRACE}-${SPAN}-0` }]) {
    assert.deepEqual(await transactions(() => t.continueTrace(headers, () => t.startSpan({ name: 'not sampled' }, () => {}))), []);
  }
});

test('a trace that starts here says who started it, and what was said stays', async () => {
  let first;
  let later;
  const { event, trace } = await only(() =>
    t.startSpan({ name: 'GET /users/:id', source: 'route' }, (span) => {
      first = t.traceHeaders().baggage;
      span.updateName('another name');
      later = t.traceHeaders().baggage;
    }),
  );
  assert.equal(later, first);
  const members = JSON.parse(trace);
  assert.equal(members.trace_id, event.contexts.trace.trace_id);
  assert.match(members.sample_rand, /^0\.\d{6}$/);
  delete members.trace_id;
  delete members.sample_rand;
  assert.deepEqual(members, {
    public_key: 'key',
    sample_rate: '1',
    sampled: 'true',
    release: 'app@1',
    environment: 'test',
    transaction: 'GET /users/:id',
    org_id: '42',
  });
  const { trace: ofUrl } = await only(() => t.startSpan({ name: '/users/7', source: 'url' }, () => {}));
  assert.equal(JSON.parse(ofUrl).transaction, undefined);
});

test('errors belong to the span, the continued trace, or a trace of their own', async () => {
  const capture = () => {
    t.captureException(new Error('x'));
    return items.at(-1);
  };
  let inside;
  const { event } = await only(() => t.startSpan({ name: 'with error', op: 'task' }, () => (inside = capture())));
  const { trace } = inside.event.contexts;
  assert.equal(trace.trace_id, event.contexts.trace.trace_id);
  assert.equal(trace.span_id, event.contexts.trace.span_id);
  assert.equal(inside.event.transaction, 'with error');
  assert.equal(JSON.parse(inside.trace).trace_id, trace.trace_id);
  const continued = t.continueTrace({ 'sentry-trace': `${TRACE}-${SPAN}` }, capture);
  assert.equal(continued.event.contexts.trace.trace_id, TRACE);
  assert.equal(continued.event.contexts.trace.parent_span_id, SPAN);
  const own = capture();
  assert.match(own.event.contexts.trace.trace_id, /^[0-9a-f]{32}$/);
});

test('a sampler decides by what it is told; one that fails samples nothing', async () => {
  const told = [];
  decide = (context) => (told.push(context), 0);
  assert.deepEqual(await transactions(() => t.startSpan({ name: 'asked', op: 'task', attributes: { a: 1 } }, () => {})), []);
  assert.deepEqual(await transactions(() => t.continueTrace({ 'sentry-trace': `${TRACE}-${SPAN}-1` }, () => t.startSpan({ name: 'asked' }, () => {}))), []);
  assert.equal(told[0].name, 'asked');
  assert.deepEqual([told[0].op, told[0].attributes, told[0].parentSampled], ['task', { a: 1 }, undefined]);
  assert.equal(told[1].parentSampled, true);
  decide = () => { throw new Error('on purpose'); };
  assert.deepEqual(await transactions(() => t.startSpan({ name: 'asked' }, () => {})), []);
  decide = () => 'nonsense';
  assert.deepEqual(await transactions(() => t.startSpan({ name: 'asked' }, () => {})), []);
  decide = undefined;
});

test('nonsense never throws', () => {
  const answers = [undefined, null, 7, 'name', {}, { name: 5 }, { name: '' }, { name: 'x', attributes: 7 }, { name: 'x'.repeat(500) }];
  for (const options of answers) assert.equal(t.startSpan(options, () => 1), 1);
  for (const headers of [undefined, null, 7, {}, { 'sentry-trace': 5 }, { get: () => { throw new Error('no'); } }]) {
    assert.equal(t.continueTrace(headers, () => 1), 1);
  }
  t.startSpan({ name: 'odd' }, (span) => {
    span.setAttributes(null).setAttribute('a', { b: 1n }).setAttribute(Symbol('s'), 1).setStatus(5).fail(null).updateName(undefined);
  });
  assert.ok(t.traceHeaders({ baggage: 7 })['sentry-trace']);
});

test('a profile goes with the transaction that is profiled', async () => {
  const { profile, event, id } = await json(`
    import * as t from 'tallylight';
    t.init({ errors: { dsn: '', spool: false, tracesSampleRate: 1, profilesSampleRate: 1, shutdownTimeout: 0 } });
    const items = [];
    const addon = globalThis[Symbol.for('tallylight.1')].addon.native;
    addon.captureItem = (category, id, payload, trace, profile) => (items.push({ category, id, event: JSON.parse(payload), profile }), 'queued');
    function busy(until) { let n = 0; while (performance.now() < until) n += Math.sqrt(n); return n; }
    await t.startSpan({ name: 'busy' }, async () => {
      busy(performance.now() + 150);
      t.startSpan({ name: 'inner' }, () => {});
    });
    // Another one at once would cost too much of the time.
    t.startSpan({ name: 'next' }, () => busy(performance.now() + 50));
    if (items[1].profile !== undefined) throw new Error('profiled again');
    console.log(JSON.stringify(items.find(({ category }) => category === 'transaction')));`);
  const written = JSON.parse(profile);
  assert.equal(written.version, '1');
  assert.equal(written.platform, 'node');
  assert.match(written.event_id, /^[0-9a-f]{32}$/);
  assert.deepEqual(written.transaction, {
    id,
    name: 'busy',
    trace_id: event.contexts.trace.trace_id,
    active_thread_id: '0',
  });
  const { samples, stacks, frames } = written.profile;
  assert.ok(samples.length >= 2);
  let last = -1;
  for (const { stack_id, thread_id, elapsed_since_start_ns } of samples) {
    assert.equal(thread_id, '0');
    assert.ok(stacks[stack_id].every((frame) => frames[frame].function !== undefined));
    assert.ok(Number(elapsed_since_start_ns) >= last);
    last = Number(elapsed_since_start_ns);
  }
  assert.ok(samples.some(({ stack_id }) => frames[stacks[stack_id][0]].function === 'busy'), 'the leaf comes first');
});

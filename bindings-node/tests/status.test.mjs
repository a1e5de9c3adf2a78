// The status document is the one of docs/reference/status.schema.json, with and without traffic.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import addFormatsModule from 'ajv-formats';
import ajv2020 from 'ajv/dist/2020.js';

import * as t from 'tallylight';

import { PACKAGE } from './support.mjs';

const Ajv2020 = ajv2020.default;
const schema = JSON.parse(readFileSync(new URL('../docs/reference/status.schema.json', PACKAGE), 'utf8'));
const ajv = new Ajv2020({ allErrors: true });
addFormatsModule.default(ajv);
const validate = ajv.compile(schema);

function assertValid(document) {
  assert.ok(validate(document), JSON.stringify(validate.errors, null, 2));
}

test('without traffic all numbers are 0, and the document is valid', () => {
  const document = t.init().status();
  assertValid(document);
  assert.deepEqual(Object.values(document.metrics), Object.values(document.metrics).map(() => 0));
  assert.equal(document.sentry.enabled, false);
});

test('with every instrument and kind in use the document is valid', async () => {
  for (const kind of ['server', 'client', 'model', 'job', 'internal']) {
    const one = t.operation(`status ${kind}`, { kind, route: '/a' }, { kind });
    for (let i = 0; i < 100; i++) one.record(i / 3);
    one.recordError(1_800, 'TimeoutError');
    await one.time(async () => {}).catch(() => {});
  }
  t.counter('status calls', {}, { unit: '{call}' }).add(3);
  t.gauge('status level').set(-1.5);
  t.histogram('status tokens', { model: 'm' }, { unit: '{token}', scale: 10 }).record(12.5);
  const document = t.status();
  assertValid(document);
  assert.equal(document.metrics.totalRequests, 102);
  assert.equal(document.metrics.totalErrors, 1);
  assert.equal(document.metrics.errorRate, 0.98);
  assert.equal(document.models.totalCalls, 102);
  assert.equal(document.operations.length, 5);
  assert.equal(document.process.runtime, 'node');
  assert.equal(document.process.pid, process.pid);
  assert.equal(document.counters[0].value, 3);
  assert.equal(document.gauges[0].value, -1.5);
  assert.equal(document.histograms[0].max, 12.5);
});

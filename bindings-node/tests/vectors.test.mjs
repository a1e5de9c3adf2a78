// The shared vectors: the same answers here as in Rust and Python (see tests/vectors/README.md).

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import * as t from 'tallylight';

import { PACKAGE, series } from './support.mjs';

const load = (name) => JSON.parse(readFileSync(new URL(`../tests/vectors/${name}.json`, PACKAGE), 'utf8'));

const NUMBERS = { NaN, Infinity, '-Infinity': -Infinity, '-0': -0 };
const number = (value) => (typeof value === 'string' ? NUMBERS[value] : value);

/** `{chars, times}` stands for a text; anything else for itself. */
const text = (value) => (typeof value === 'object' ? value.chars.repeat(value.times) : value);

function labels(value) {
  if (typeof value.labels === 'number') {
    return Object.fromEntries(Array.from({ length: value.labels }, (_, i) => [`k${i}`, 'v']));
  }
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, text(one)]));
}

/** Whole numbers exactly, others to 9 significant digits. */
function assertExpected(actual, expected, what) {
  if (typeof expected === 'number' && !Number.isInteger(expected)) {
    assert.equal(Number(actual?.toPrecision(9)), Number(expected.toPrecision(9)), what);
  } else if (expected !== null && typeof expected === 'object' && !Array.isArray(expected)) {
    const keys = Object.keys(expected);
    for (const key of keys) assertExpected(actual?.[key], expected[key], `${what}.${key}`);
    if (what.endsWith('errorsByType')) assert.deepEqual(Object.keys(actual).sort(), keys.sort(), what);
  } else {
    assert.deepEqual(actual, expected, what);
  }
}

// Each case has a series of its own in this process: its name is made distinct by the file's.
for (const { name, kind, steps, expect } of load('operations')) {
  test(`operations: ${name}`, () => {
    const unique = `operations ${name}`;
    const recorder = t.operation(unique, {}, { kind });
    for (const { record, recordError, repeat = 1 } of steps) {
      for (let i = 0; i < repeat; i++) {
        if (recordError) recorder.recordError(number(recordError[0]), text(recordError[1]));
        else recorder.record(number(record));
      }
    }
    const { status, ...fields } = expect;
    assertExpected(series(unique), fields, name);
    if (status) assertExpected(t.status().operations.find((row) => row.name === unique), status, `${name} status`);
  });
}

for (const { name, scale, values, expect } of load('histograms')) {
  test(`histograms: ${name}`, () => {
    const recorder = t.histogram(`histograms ${name}`, {}, { scale });
    for (const value of values) recorder.record(number(value));
    assertExpected(series(`histograms ${name}`), expect, name);
  });
}

for (const { name, scale, adds, expect } of load('counters')) {
  test(`counters: ${name}`, () => {
    const calls = t.counter(`counters ${name}`, {}, { scale });
    for (const n of adds) calls.add(number(n));
    assertExpected(series(`counters ${name}`), expect, name);
  });
}

for (const { name, steps, expect } of load('gauges')) {
  test(`gauges: ${name}`, () => {
    const level = t.gauge(`gauges ${name}`);
    for (const step of steps) 'set' in step ? level.set(number(step.set)) : level.add(number(step.add));
    assertExpected(series(`gauges ${name}`), expect, name);
  });
}

for (const [i, { instrument, values, drops, clamped, count, value }] of load('drops').entries()) {
  test(`drops: ${i} ${instrument}`, () => {
    const name = `drops ${i}`;
    const handle = t[instrument](name);
    const record = { operation: 'record', histogram: 'record', counter: 'add', gauge: 'set' }[instrument];
    const before = t.drops();
    for (const one of values) handle[record](number(one));
    const after = t.drops();
    const reasons = Object.keys(before).filter((reason) => !['clamped', 'overflowed', 'truncated'].includes(reason));
    const grown = reasons.map((reason) => [reason, after[reason] - before[reason]]).filter(([, n]) => n > 0);
    assert.deepEqual(Object.fromEntries(grown), drops);
    assert.equal(after.clamped - before.clamped, clamped);
    if (count !== undefined) assert.equal(series(name).count, count);
    if (value !== undefined) assert.equal(series(name).value, value);
  });
}

test('names, labels and kinds that are accepted and refused', () => {
  const names = load('names');
  for (const name of names.valid) t.operation(text(name), { of: 'names' });
  for (const name of names.invalidNames) assert.throws(() => t.operation(text(name)), t.InvalidNameError);
  for (const [i, given] of names.validLabels.entries()) t.operation(`valid labels ${i}`, labels(given));
  for (const given of names.invalidLabels) assert.throws(() => t.operation('invalid labels', labels(given)), t.InvalidLabelError);
  for (const [i, [given, expected]] of names.labelTexts.entries()) {
    const name = `label texts ${i}`;
    t.operation(name, { value: number(given) });
    assert.deepEqual(series(name).labels, { value: expected });
  }
  for (const kind of names.invalidKinds) assert.throws(() => t.operation('invalid kind', {}, { kind }), t.InvalidValueError);
});

// A process may load this package twice: as ESM and as CommonJS, or from two folders. All copies
// share one addon and one registry, and their errors are instances of each other's classes.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import * as esm from 'tallylight';

import { json, PACKAGE, run, series } from './support.mjs';

const cjs = createRequire(import.meta.url)('tallylight');

/** A folder with a second copy of the package in node_modules. */
function install() {
  const folder = mkdtempSync(path.join(tmpdir(), 'tallylight-copy-'));
  const copy = path.join(folder, 'node_modules', 'tallylight');
  mkdirSync(copy, { recursive: true });
  for (const name of ['package.json', 'dist', 'native']) {
    cpSync(fileURLToPath(new URL(name, PACKAGE)), path.join(copy, name), { recursive: true });
  }
  return { folder, copy, remove: () => rmSync(folder, { recursive: true }) };
}

test('the ESM and the CommonJS build are two modules with the same exports', () => {
  assert.notEqual(esm.operation, cjs.operation);
  assert.deepEqual(
    Object.keys(cjs).sort(),
    Object.keys(esm).filter((name) => name !== 'default').sort(),
  );
});

test('both builds record into one registry', () => {
  esm.operation('shared', { a: 1 }).record(1);
  cjs.operation('shared', { a: '1' }).record(2);
  esm.counter('shared calls').add(1);
  cjs.counter('shared calls').add(2);
  assert.equal(series('shared').count, 2);
  assert.equal(series('shared calls').value, 3);
  assert.deepEqual(esm.drops(), cjs.drops());
});

test('an error of one build is an instance of the other build\u2019s class, and of no other', () => {
  const caught = (() => {
    try {
      return cjs.operation('');
    } catch (error) {
      return error;
    }
  })();
  assert.ok(caught instanceof cjs.InvalidNameError);
  assert.ok(caught instanceof esm.InvalidNameError);
  assert.ok(caught instanceof esm.TallylightError);
  assert.ok(!(caught instanceof esm.ConflictError));
  class Own extends esm.InvalidNameError {}
  assert.ok(!(caught instanceof Own));
  assert.ok(new Own('x') instanceof esm.InvalidNameError);
  for (const value of [null, undefined, 5, {}, new Error('x'), { code: 'invalid_name' }]) {
    assert.ok(!(value instanceof esm.InvalidNameError));
    assert.ok(!(value instanceof esm.TallylightError));
  }
});

test('a copy in another folder joins the first, also from a worker', async () => {
  const { folder, remove } = install();
  try {
    const other = JSON.stringify(path.join(folder, 'node_modules', 'tallylight', 'dist', 'cjs', 'index.js'));
    const out = await json(`
      import { once } from 'node:events';
      import { createRequire } from 'node:module';
      import { Worker } from 'node:worker_threads';
      import * as t from 'tallylight';
      const other = createRequire(import.meta.url)(${other});
      t.init({ service: 'one' });
      t.operation('copies').record(1);
      other.operation('copies').record(2);
      let conflict;
      try { other.init({ service: 'two' }); } catch (error) { conflict = error; }
      const helper = new Worker('require(' + ${JSON.stringify(other)} + ').operation("copies").record(3);', { eval: true, execArgv: [] });
      await once(helper, 'exit');
      console.log(JSON.stringify([t.snapshot().series[0].count, other.snapshot().series.length, conflict instanceof t.ConflictError]));`);
    assert.deepEqual(out, [3, 1, true]);
  } finally {
    remove();
  }
});

test('without an addon the first call throws an UnsupportedError that names the fix', async () => {
  const { folder, copy, remove } = install();
  try {
    rmSync(path.join(copy, 'native'), { recursive: true });
    const out = await json(
      `
      import * as t from 'tallylight';
      let caught;
      try { t.operation('a'); } catch (error) { caught = error; }
      console.log(JSON.stringify({ unsupported: caught instanceof t.UnsupportedError, code: caught.code, message: caught.message, cause: caught.cause?.code }));`,
      { cwd: folder },
    );
    assert.equal(out.unsupported, true);
    assert.equal(out.code, 'unsupported');
    assert.equal(out.cause, 'MODULE_NOT_FOUND');
    assert.match(out.message, new RegExp(`${process.platform}-${process.arch}`));
    assert.match(out.message, /npm run build/);
    const { code, stderr } = await run('', { args: [path.join(copy, 'dist', 'cjs', 'bin.cjs'), 'version'] });
    assert.equal(code, 1);
    assert.match(stderr, /^tallylight: no native addon/);
  } finally {
    remove();
  }
});

test('both builds and a second copy share scopes, hooks and what was captured', async () => {
  const { folder, copy, remove } = install();
  try {
    const out = await json(`
      import * as esm from 'tallylight';
      import { createRequire } from 'node:module';
      const cjs = createRequire(import.meta.url)('tallylight');
      const second = createRequire(import.meta.url)(${JSON.stringify(copy)});
      const spool = { dsn: '', spoolDir: ${JSON.stringify(path.join(folder, 'spool'))} };
      const print = console.log;
      for (const one of [esm, cjs, second]) one.init({ errors: spool });
      const addon = globalThis[Symbol.for('tallylight.1')].addon.native;
      const events = [];
      const { captureItem } = addon;
      addon.captureItem = (category, id, payload, ...rest) => (events.push(JSON.parse(payload)), captureItem(category, id, payload, ...rest));
      const error = new Error('once');
      const ids = await esm.withIsolationScope(async () => {
        cjs.setTag('by', 'cjs');
        await null;
        second.addBreadcrumb('second');
        console.error('printed');
        return [cjs, esm, second].map((one) => one.captureException(error));
      });
      print(JSON.stringify({
        events: events.map(({ tags, breadcrumbs }) => [tags, breadcrumbs.map(({ message }) => message)]),
        distinct: new Set(ids).size,
        listeners: process.listenerCount('uncaughtExceptionMonitor'),
      }));`);
    assert.deepEqual(out, { events: [[{ by: 'cjs' }, ['second', 'printed']]], distinct: 1, listeners: 1 });
  } finally {
    remove();
  }
});

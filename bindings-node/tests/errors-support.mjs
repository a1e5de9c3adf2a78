// What the tests of errors share: the events as they are handed to the core, and programs whose
// events are read after their end.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';

import { native, PACKAGE, run } from './support.mjs';

/** The module of the package, for programs of their own. */
export const ENTRY = new URL('dist/esm/index.js', PACKAGE).href;

const folder = mkdtempSync(path.join(tmpdir(), 'tallylight-errors-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Settings that keep a test's events out of everybody's store. */
export const QUIET = { dsn: '', spoolDir: path.join(folder, 'spool') };

/** A file of this test run. */
export const file = (name) => path.join(folder, name);

/** Records what is handed to the core from now on; answers the items, and they still go on. */
export function recorded() {
  const items = [];
  const addon = native();
  const { captureItem } = addon;
  addon.captureItem = (category, id, payload, trace, profile, files) => {
    items.push({ category, id, event: JSON.parse(payload), trace, profile, files });
    return captureItem(category, id, payload, trace, profile, files);
  };
  return Object.assign(items, {
    last: () => items.at(-1).event,
    /** The events that `act` makes. */
    of(act) {
      const before = items.length;
      act();
      return items.slice(before).map(({ event }) => event);
    },
  });
}

let programs = 0;

/**
 * Runs a CommonJS program with the package at hand as `t` and its `init` done with `options` (source
 * text; null for a program without us); answers its end and the events that it handed to the core.
 */
export async function program(code, { options = '{}', node = [], env = {} } = {}) {
  const name = file(`program-${programs++}`);
  const setup = `
    const t = require(${JSON.stringify(new URL('dist/cjs/index.js', PACKAGE).pathname)});
    t.init({ errors: { dsn: '', spoolDir: ${JSON.stringify(`${name}.spool`)}, ...(${options}) } });
    require(${JSON.stringify(new URL('tests/errors-record.cjs', PACKAGE).pathname)});`;
  // On one line, so that the printed trace is the same with and without it.
  writeFileSync(`${name}.cjs`, `${options === null ? '' : setup.replaceAll('\n', ' ')}\n${code}`);
  const end = await run('', { args: [...node, `${name}.cjs`], env: { ...env, TALLYLIGHT_TEST_EVENTS: `${name}.events` } });
  return { ...end, events: eventsIn(`${name}.events`) };
}

function eventsIn(name) {
  try {
    return readFileSync(name, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  } catch {
    return [];
  }
}

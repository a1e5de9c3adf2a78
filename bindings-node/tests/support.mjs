// What the tests share: reading back, an oracle, and processes and workers of their own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

import { build } from 'esbuild';
import { snapshot, version } from 'tallylight';

/** This package as other modules import it. */
export const PACKAGE = new URL('../', import.meta.url);

/** What copies of the package share in an isolate; here to reach the addon itself. */
const meeting = () => globalThis[Symbol.for('tallylight.1')];

/** The native addon of this isolate. */
export const native = () => meeting().addon.native;

/** A module of `ts/` with all that it exports, which the built package does not tell. */
export async function internals(name) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`ts/${name}.ts`, PACKAGE))],
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    write: false,
  });
  return import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
}

/** The series of a name. */
export function series(name) {
  return snapshot().series.find((one) => one.name === name);
}

/** A snapshot whose sums are exact: one may be past what a number holds. */
export function exactSnapshot() {
  const text = native().snapshot();
  const sums = [...text.matchAll(/"sum":([\d.]+)/g)].map(([, sum]) => (sum.includes('.') ? Number(sum) : BigInt(sum)));
  const { series } = JSON.parse(text);
  for (const one of series) if ('sum' in one) one.sum = sums.shift();
  return new Map(series.map((one) => [one.name, one]));
}

/** Counts as the core should, in a way of its own: whole numbers only. */
export class Oracle {
  count = 0;
  sum = 0n;
  max = 0;
  buckets = new Map();

  record(units) {
    const value = BigInt(units);
    const shift = BigInt(Math.max(0, value.toString(2).length - 8));
    const lowest = (value >> shift) << shift;
    const key = Number(lowest);
    this.count += 1;
    this.sum += value;
    this.max = Math.max(this.max, units);
    this.buckets.set(key, (this.buckets.get(key) ?? 0) + 1);
  }

  /** `[lowest, count]` ascending. */
  rows() {
    return [...this.buckets].sort(([a], [b]) => a - b);
  }
}

/** An even random number generator from a seed, so that a failure comes back. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Runs a module's text in a process of its own; answers its exit code and output. */
export async function run(code, { env = {}, type = 'module', cwd = PACKAGE, args = [] } = {}) {
  const flags = args.length > 0 ? args : [`--input-type=${type}`, '--eval', code];
  const child = spawn(process.execPath, flags, {
    cwd: typeof cwd === 'string' ? cwd : fileURLToPath(cwd),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8').on('data', (chunk) => (output[stream] += chunk));
  }
  const [code_, signal] = await once(child, 'close');
  return { code: signal ?? code_, ...output };
}

/** As `run`, for a program that prints one JSON value; fails with what it wrote to stderr. */
export async function json(code, options) {
  const { code: exit, stdout, stderr } = await run(code, options);
  if (exit !== 0) throw new Error(`the program ended with ${exit}: ${stderr}`);
  return JSON.parse(stdout);
}

const workers = [];

/** Ends all workers: a test that fails must not leave the process waiting for its own. */
export async function endWorkers() {
  await Promise.all(workers.map((one) => one.terminate()));
}

/** A worker that runs a module's text, with `tallylight` at hand as `t`. */
export function worker(code, data) {
  const entry = JSON.stringify(new URL('dist/esm/index.js', PACKAGE).href);
  const text = `
    import { parentPort, workerData } from 'node:worker_threads';
    import * as t from ${entry};
    ${code}`;
  const started = new Worker(new URL(`data:text/javascript,${encodeURIComponent(text)}`), { workerData: data });
  workers.push(started);
  return started;
}

export { version };

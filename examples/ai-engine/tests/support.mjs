/**
 * What the end-to-end tests share: the real programs as child processes on free ports, and patience without clocks.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Far beyond anything a test waits for: it only ends a test that would hang. */
const PATIENCE_MS = 60_000;

const folder = mkdtempSync(path.join(tmpdir(), 'ai-engine-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Errors stay in a store of these tests. */
const QUIET = { SENTRY_DSN: '', TALLYLIGHT_DSN: '', TALLYLIGHT_SPOOL_DIR: folder };

/**
 * @param {string} name e.g. `server`
 * @param {string[]} [args]
 * @param {NodeJS.ProcessEnv} [env]
 */
export function launch(name, args = [], env = {}) {
  const path = fileURLToPath(new URL(`../${name}.mjs`, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], {
    env: { ...process.env, ...QUIET, GEMINI_BASE_URL: '', GEMINI_API_KEY: '', PORT: '', HOST: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  // A program that hangs, or leaves someone holding its pipes, fails its test instead of stopping all.
  const watchdog = setTimeout(() => {
    child.kill('SIGKILL');
    child.stdout.destroy();
    child.stderr.destroy();
  }, 2 * PATIENCE_MS);
  child.on('close', () => clearTimeout(watchdog));
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }));
  return { child, ended, stderr: () => stderr };
}

/**
 * Runs a program to its end.
 * @param {string} name
 * @param {string[]} [args]
 * @param {NodeJS.ProcessEnv} [env]
 */
export function run(name, args, env) {
  return launch(name, args, env).ended;
}

/**
 * Starts a program and waits for its line `{"ready":true,...}`.
 * @param {import('node:test').TestContext} t stops it in the end
 * @param {string} name
 * @param {string[]} [args]
 * @param {NodeJS.ProcessEnv} [env]
 */
export async function startProgram(t, name, args, env) {
  const program = launch(name, args, env);
  t.after(async () => {
    program.child.kill('SIGKILL');
    await program.ended;
  });
  const line = await Promise.race([
    once(createInterface({ input: program.child.stdout }), 'line').then(([text]) => text),
    program.ended.then(({ code, stderr }) => {
      throw new Error(`${name} ended with ${code}: ${stderr}`);
    }),
  ]);
  return { ...program, ready: JSON.parse(line) };
}

/** No failures but the ones a test asks for, and answers in a few milliseconds. */
export const CALM = [
  '--speed',
  '100',
  '--timeout-rate',
  '0',
  '--rate-limit-rate',
  '0',
  '--server-error-rate',
  '0',
  '--disconnect-rate',
  '0',
];

/**
 * A stub and an engine in front of it.
 * @param {import('node:test').TestContext} t
 * @param {{ stub?: string[], server?: string[], env?: NodeJS.ProcessEnv }} [options]
 */
export async function startEngine(t, { stub = CALM, server = [], env = {} } = {}) {
  const model = await startProgram(t, 'stub-model', ['--port', '0', ...stub]);
  const engine = await startProgram(t, 'server', ['--port', '0', '--model-url', model.ready.url, ...server], env);
  return {
    url: engine.ready.url,
    engine,
    model,
    /** @param {object} body */
    analyze: (body, headers = {}) => post(`${engine.ready.url}/analyze`, body, headers),
    status: async () => (await getJson(engine.ready.status)).body,
    /** @param {object} [change] */
    control: async (change) => {
      const answer = change ? await post(model.ready.control, change) : await getJson(model.ready.control);
      if (answer.status !== 200) throw new Error(`control: ${answer.text}`);
      return answer.body;
    },
  };
}

/**
 * One request with `node:http`, so that nothing is retried or reused behind the test's back.
 * @param {string} url
 * @param {{ method?: string, headers?: Record<string, string>, body?: string | Buffer | undefined }} [options]
 * @returns {Promise<{ status: number, headers: http.IncomingHttpHeaders, text: string, body: any }>}
 */
export function send(url, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response;
        const isJson = headers['content-type']?.startsWith('application/json') && text !== '';
        resolve({ status, headers, text, body: isJson ? JSON.parse(text) : undefined });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** @param {string} url */
export function getJson(url) {
  return send(url);
}

/**
 * @param {string} url
 * @param {object} body
 * @param {Record<string, string>} [headers]
 */
export function post(url, body, headers = {}) {
  return send(url, { method: 'POST', headers, body: JSON.stringify(body) });
}

/**
 * Tries until `check` no longer throws, and answers its value. A request is recorded when its response closes, which
 * may be a moment after its client has the answer.
 * @template T
 * @param {() => T | Promise<T>} check
 * @returns {Promise<T>}
 */
export async function eventually(check) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
      await delay(20);
    }
  }
}

/**
 * The one row of an operation, counter or histogram; zeros if nothing was recorded yet.
 * @param {readonly any[]} rows
 * @param {string} name
 * @param {Record<string, string>} [labels]
 */
export function row(rows, name, labels = {}) {
  const found = rows.filter(
    (candidate) =>
      candidate.name === name && Object.entries(labels).every(([key, value]) => candidate.labels[key] === value),
  );
  if (found.length > 1) throw new Error(`${name} has ${found.length} rows`);
  return found[0] ?? { name, labels, count: 0, errors: 0, errorsByType: {}, value: 0, sum: 0 };
}

/** The base URL of a port where nobody listens (any more). `fetch` refuses low ports without trying. */
export async function deadUrl() {
  const server = http.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}`;
}

/** The model's row. @param {any} status */
export function modelRow(status) {
  return row(status.operations, 'gen_ai.client.operation.duration');
}

/** Answers by status code. @param {any} status @param {number} code */
export function responses(status, code) {
  return row(status.counters, 'ai_engine.http.responses', { 'http.response.status_code': String(code) }).value;
}

/** @param {any} status @param {'input' | 'output'} type */
export function tokens(status, type) {
  return row(status.histograms, 'gen_ai.client.token.usage', { 'gen_ai.token.type': type });
}

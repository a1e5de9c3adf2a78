/**
 * The programs that the starter runs, as child processes that never outlive it.
 *
 * They are forked with a channel: when the starter dies, even by `kill -9`, the channel closes and they stop.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CommandError } from './cli.mjs';

/** How long a child may take to end before it is killed. */
const KILL_AFTER_MS = 15_000;

/**
 * @typedef {object} Child
 * @property {string} name
 * @property {import('node:child_process').ChildProcess} process
 * @property {Promise<any>} firstLine its first line on stdout, as JSON; rejects if it ends without one
 * @property {Promise<{ code: number | null, signal: string | null }>} ended
 */

/**
 * @param {string} name file name without extension, e.g. `server`
 * @param {string[]} args
 * @returns {Child}
 */
export function startChild(name, args) {
  const path = fileURLToPath(new URL(`../${name}.mjs`, import.meta.url));
  const child = fork(path, args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const ended = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  const lines = createInterface({ input: /** @type {import('node:stream').Readable} */ (child.stdout) });
  const firstLine = Promise.race([
    once(lines, 'line').then(([line]) => JSON.parse(line)),
    // Its own message is on stderr already.
    once(child, 'close').then(() => {
      throw new CommandError(`${name} ended before it was ready (exit code ${child.exitCode}).`);
    }),
  ]);
  // Whoever needs the line awaits it; a child that is only stopped must not count as an unhandled rejection.
  firstLine.catch(() => {});
  return { name, process: child, firstLine, ended };
}

/**
 * Stops all of them, the last one first, and waits.
 * @param {Child[]} children
 */
export async function stopChildren(children) {
  for (const child of [...children].reverse()) {
    child.process.kill('SIGTERM');
    const timer = setTimeout(() => child.process.kill('SIGKILL'), KILL_AFTER_MS);
    await child.ended;
    clearTimeout(timer);
  }
}

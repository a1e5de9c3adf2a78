// Paths and commands that the scripts share.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

/** The package's folder. */
export const PACKAGE = path.resolve(fileURLToPath(import.meta.url), '../..');
/** The cargo workspace. */
export const WORKSPACE = path.dirname(PACKAGE);
/** TypeScript's compiler. */
const TSC = path.join(PACKAGE, 'node_modules', 'typescript', 'bin', 'tsc');

/** The files in a folder and below it, by their paths from it. */
export function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath ?? entry.path, entry.name)));
}

/** Runs a command with its output shown; ends the script when it fails. */
export function run(command, args, options = {}) {
  const { status, error, stdout } = spawnSync(command, args, {
    cwd: PACKAGE,
    stdio: ['ignore', options.capture ? 'pipe' : 'inherit', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, ...options.env },
    ...(options.cwd && { cwd: options.cwd }),
  });
  if (error) fail(`${command} could not be started: ${error.message}${hint(command)}`);
  if (status !== 0) {
    if (options.capture) process.stderr.write(stdout);
    fail(`${command} ${args.join(' ')} ended with ${status}`);
  }
  return stdout;
}

/** Runs the TypeScript compiler. */
export function tsc(...args) {
  run(process.execPath, [TSC, ...args]);
}

/** Ends the script with a message. */
export function fail(message) {
  console.error(`error: ${message}`);
  process.exit(1);
}

function hint(command) {
  return command === 'cargo' ? '; install Rust from https://rustup.rs' : '';
}

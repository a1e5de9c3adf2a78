// The command line from Node, where it differs from the program: what the runtime does to the standard streams.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { PACKAGE } from './support.mjs';

const BIN = fileURLToPath(new URL('dist/cjs/bin.cjs', PACKAGE));
const env = { ...process.env, TALLYLIGHT_ENVIRONMENT: 'development', GEMINI_API_KEY: 'canary of the pipe', AWS_REGION: '' };

const get = (redirection) =>
  spawnSync('sh', ['-c', `exec "$@" ${redirection}`, 'sh', process.execPath, BIN, 'secrets', 'get', 'cineview-gemini-api', '--reveal'], {
    env,
    encoding: 'utf8',
  });

test('a value goes to whoever reads it, and is a failure where nobody could', () => {
  const piped = get('');
  assert.deepEqual([piped.status, piped.stdout], [0, 'canary of the pipe'], piped.stderr);
  assert.equal(get('>/dev/null').status, 0);
  const closed = get('>&-');
  assert.equal(closed.status, 1);
  assert.match(closed.stderr, /standard output is closed/);
});

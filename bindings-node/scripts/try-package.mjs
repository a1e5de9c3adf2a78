// npm run try-package: packs the package, installs the tarball into an empty folder, and records
// and reads one latency there as ESM and as CommonJS. `try-package.mjs FILE.tgz` takes a tarball
// that is packed already.

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { fail, PACKAGE, run } from './workspace.mjs';

const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
const READ = `
  const one = operation('GET /', { from: 'package' }, { kind: 'server' });
  init({ service: 'package test' });
  one.record(12.5);
  const { metrics, service } = status();
  if (metrics.totalRequests !== 1 || metrics.maxDuration !== 12.5 || service.name !== 'package test') throw new Error(JSON.stringify(metrics));
  console.log('recorded and read', metrics.maxDuration, 'ms');`;

const folder = mkdtempSync(path.join(tmpdir(), 'tallylight-package-'));
try {
  const tarball = process.argv[2] ? path.resolve(process.argv[2]) : pack();
  console.log(`${path.basename(tarball)}: ${statSync(tarball).size} bytes`);
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
  const inside = { cwd: folder };
  run(npm, ['install', '--no-audit', '--no-fund', '--offline', tarball], inside);
  const installed = run(npm, ['ls', '--all', '--parseable'], { ...inside, capture: true }).trim().split('\n');
  if (installed.length !== 2) fail(`installed ${installed.length - 1} packages instead of one`);
  for (const file of exported()) statSync(path.join(folder, 'node_modules', 'tallylight', file));
  program('esm.mjs', `import { init, operation, status } from 'tallylight';${READ}`);
  program('cjs.cjs', `const { init, operation, status } = require('tallylight');${READ}`);
  program('readme.mjs', example());
  run(npm, ['exec', '--offline', '--', 'tallylight', 'version'], inside);
} finally {
  rmSync(folder, { recursive: true });
}
console.log('the package works');

function pack() {
  const [{ filename }] = JSON.parse(
    run(npm, ['pack', '--json', '--pack-destination', folder], { capture: true, env: { npm_config_loglevel: 'error' } }),
  );
  return path.join(folder, filename);
}

function program(name, text) {
  writeFileSync(path.join(folder, name), text);
  run(process.execPath, [name], { cwd: folder });
}

/** Every file that package.json points to. */
function exported() {
  const { main, types, bin, exports } = JSON.parse(readFileSync(path.join(PACKAGE, 'package.json'), 'utf8'));
  const leaves = (value) => (typeof value === 'string' ? [value] : Object.values(value).flatMap(leaves));
  return [main, types, ...leaves(bin), ...leaves(exports)];
}

/** The first example of the README. */
function example() {
  return /```js\n([^]*?)```/.exec(readFileSync(path.join(PACKAGE, 'README.md'), 'utf8'))[1];
}

// npm run build: the addon and both builds of the TypeScript, each one module of JavaScript. `build.mjs addon` or `build.mjs ts`
// makes one of them. TALLYLIGHT_PROFILE=release makes a release addon.

import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { buildAddon } from './addon.mjs';
import { bundle } from './bundle.mjs';
import { removeInternal } from './declarations.mjs';
import { filesBelow, PACKAGE, tsc } from './workspace.mjs';

const part = process.argv[2];
if (part !== 'ts') console.log(`built ${path.relative(PACKAGE, buildAddon())}`);
if (part !== 'addon') {
  const esm = compile('esm', 'tsconfig.json');
  const cjs = compile('cjs', 'tsconfig.cjs.json');
  // Both from the modules of one: what was CommonJS before cannot be joined so well.
  await bundle(path.join(esm, 'index.js'), path.join(cjs, 'index.js'), 'cjs');
  await bundle(path.join(esm, 'index.js'), path.join(esm, 'index.js'), 'esm');
  finish('esm', 'module', esm);
  finish('cjs', 'commonjs', cjs);
}

function compile(format, config) {
  const fresh = path.join(PACKAGE, 'node_modules', `.dist-${format}-${process.pid}`);
  tsc('--project', config, '--outDir', fresh);
  removeInternal(fresh);
  return fresh;
}

function finish(format, type, fresh) {
  for (const name of filesBelow(fresh)) {
    if (name.endsWith('.js') && name !== 'index.js') rmSync(path.join(fresh, name));
  }
  writeFileSync(path.join(fresh, 'package.json'), `${JSON.stringify({ type })}\n`);
  replace(path.join(PACKAGE, 'dist', format), fresh);
  console.log(`built dist/${format}`);
}

/** File by file, so that a program which runs from the old build never finds one missing. */
function replace(folder, fresh) {
  const names = filesBelow(fresh);
  for (const name of names) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    renameSync(path.join(fresh, name), path.join(folder, name));
  }
  rmSync(fresh, { recursive: true });
  for (const name of filesBelow(folder)) if (!names.includes(name)) rmSync(path.join(folder, name));
}

// npm run build: the addon and both builds of the TypeScript. `build.mjs addon` or `build.mjs ts`
// makes one of them. TALLYLIGHT_PROFILE=release makes a release addon.

import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { buildAddon } from './addon.mjs';
import { removeInternal } from './declarations.mjs';
import { filesBelow, PACKAGE, tsc } from './workspace.mjs';

const part = process.argv[2];
if (part !== 'ts') console.log(`built ${path.relative(PACKAGE, buildAddon())}`);
if (part !== 'addon') {
  buildTypeScript('esm', 'module', 'tsconfig.json');
  buildTypeScript('cjs', 'commonjs', 'tsconfig.cjs.json');
}

function buildTypeScript(format, type, config) {
  const fresh = path.join(PACKAGE, 'node_modules', `.dist-${format}-${process.pid}`);
  tsc('--project', config, '--outDir', fresh);
  removeInternal(fresh);
  writeFileSync(path.join(fresh, 'package.json'), `${JSON.stringify({ type })}\n`);
  replace(path.join(PACKAGE, 'dist', format), fresh);
  console.log(`built dist/${format}`);
}

/** File by file, so that a program which runs from the old build never finds one missing. */
function replace(folder, fresh) {
  for (const name of filesBelow(fresh)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    renameSync(path.join(fresh, name), path.join(folder, name));
  }
  rmSync(fresh, { recursive: true });
  const source = (name) => path.join(PACKAGE, 'ts', name.replace(/(\.d)?\.([cm]?)[jt]s$/, '.$2ts'));
  for (const name of filesBelow(folder)) {
    if (name !== 'package.json' && !existsSync(source(name))) rmSync(path.join(folder, name));
  }
}

// npm run check: strict types, type tests, and that the generated declarations are up to date.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { nativeTypes, publicTypes } from './types.mjs';
import { fail, filesBelow, PACKAGE, tsc } from './workspace.mjs';

const native = nativeTypes();
compare([native]);
tsc('--project', 'tsconfig.json', '--noEmit');
tsc('--project', 'tsconfig.cjs.json', '--noEmit');
const declarations = publicTypes();
compare(declarations);
const stale = filesBelow(path.join(PACKAGE, 'types')).filter(
  (name) => !declarations.some(([file]) => file === path.join('types', name)),
);
if (stale.length > 0) fail(`types/ holds ${stale.join(', ')}, which nothing declares; run "npm run types"`);
tsc('--project', 'type-tests/tsconfig.json');
console.log(`checked ${declarations.length + 1} generated declarations and the type tests`);

function compare(files) {
  const changed = files
    .filter(([file, text]) => {
      const committed = path.join(PACKAGE, file);
      return !existsSync(committed) || readFileSync(committed, 'utf8') !== text;
    })
    .map(([file]) => file);
  if (changed.length > 0) fail(`${changed.join(', ')} is out of date; run "npm run types" and commit the result`);
}

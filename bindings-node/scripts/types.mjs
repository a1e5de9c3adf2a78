// npm run types: writes the generated declarations that are committed, ts/native.d.ts (of the
// addon) and types/ (of the package, for reviewers to see a change of the public API).

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { typeDefinitions } from './addon.mjs';
import { publicDeclarations } from './declarations.mjs';
import { renderNativeTypes } from './native-types.mjs';
import { PACKAGE, tsc } from './workspace.mjs';

const NATIVE = path.join('ts', 'native.d.ts');

/** Path and text of native.d.ts as it should be. */
export function nativeTypes() {
  return [NATIVE, renderNativeTypes(typeDefinitions())];
}

/** Path and text of each public declaration as it should be. */
export function publicTypes() {
  const folder = path.join(PACKAGE, 'node_modules', '.types');
  rmSync(folder, { recursive: true, force: true });
  tsc('--project', 'tsconfig.json', '--emitDeclarationOnly', '--outDir', folder);
  return publicDeclarations(folder).map((name) => [
    path.join('types', name),
    readFileSync(path.join(folder, name), 'utf8'),
  ]);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const write = ([file, text]) => {
    mkdirSync(path.dirname(path.join(PACKAGE, file)), { recursive: true });
    writeFileSync(path.join(PACKAGE, file), text);
  };
  write(nativeTypes());
  rmSync(path.join(PACKAGE, 'types'), { recursive: true, force: true });
  publicTypes().forEach(write);
}

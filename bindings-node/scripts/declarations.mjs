// The public declarations: index.d.ts and what it reaches. The others describe our insides.

import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';

import { filesBelow } from './workspace.mjs';

/** The declaration files in `folder` that a user of index.d.ts can see. */
export function publicDeclarations(folder) {
  const found = new Set();
  const visit = (name) => {
    if (found.has(name)) return;
    found.add(name);
    const text = readFileSync(path.join(folder, name), 'utf8');
    for (const [, module] of text.matchAll(/from ['"](\.[\w./-]+)\.js['"]/g)) {
      visit(path.join(path.dirname(name), `${module}.d.ts`));
    }
  };
  visit('index.d.ts');
  return [...found].sort();
}

/** Removes the declaration files in `folder` that nobody can see. */
export function removeInternal(folder) {
  const visible = publicDeclarations(folder);
  for (const name of filesBelow(folder)) {
    if (/\.d\.[cm]?ts$/.test(name) && !visible.includes(name)) rmSync(path.join(folder, name));
  }
}

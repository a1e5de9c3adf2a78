// Before npm pack: what the package needs is there, and the licence stands beside it.

import { copyFileSync, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

import { fail, PACKAGE, WORKSPACE } from './workspace.mjs';

const native = path.join(PACKAGE, 'native');
const addons = existsSync(native) ? readdirSync(native).filter((name) => name.endsWith('.node')) : [];
if (addons.length === 0 || !existsSync(path.join(PACKAGE, 'dist', 'esm', 'index.js'))) {
  fail('nothing is built; run "npm run build" first (TALLYLIGHT_PROFILE=release for a release addon)');
}
copyFileSync(path.join(WORKSPACE, 'LICENSE'), path.join(PACKAGE, 'LICENSE'));

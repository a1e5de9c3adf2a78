// Builds the native addon, and reads the type definitions that napi-derive writes on the way.

import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';

import { fail, PACKAGE, run, WORKSPACE } from './workspace.mjs';

const CRATE = 'tallylight-node';
/** napi-derive writes one line for each export here, in a file named after the crate. */
const TYPE_DEFS = path.join(WORKSPACE, 'target', 'napi-types');

/** Builds the addon and puts it into native/; answers the file. */
export function buildAddon(profile = process.env.TALLYLIGHT_PROFILE ?? 'debug') {
  if (!['debug', 'release'].includes(profile)) fail(`TALLYLIGHT_PROFILE is ${profile}; use debug or release`);
  const library = compile(profile === 'release' ? ['--release'] : []);
  const file = path.join(PACKAGE, 'native', `tallylight.${platform()}.node`);
  mkdirSync(path.dirname(file), { recursive: true });
  // Renamed into place: a process that has the old one mapped keeps it whole.
  copyFileSync(library, `${file}.new`);
  renameSync(`${file}.new`, file);
  return file;
}

/** The type definitions of every native export, as napi-derive describes them. */
export function typeDefinitions() {
  const file = path.join(TYPE_DEFS, CRATE);
  // Cargo does not know this file, so a build that is up to date would not write it again.
  compile([], existsSync(file) ? {} : { NAPI_FORCE_BUILD_TALLYLIGHT_NODE: String(Date.now()) });
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

function compile(flags, env = {}) {
  mkdirSync(TYPE_DEFS, { recursive: true });
  const messages = run(
    'cargo',
    ['build', '--package', CRATE, '--message-format=json-render-diagnostics', ...flags],
    { cwd: WORKSPACE, capture: true, env: { NAPI_TYPE_DEF_TMP_FOLDER: TYPE_DEFS, ...env } },
  );
  const built = messages
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
    .find(({ reason, target }) => reason === 'compiler-artifact' && target.name === CRATE.replace('-', '_'));
  return built?.filenames.find((name) => /\.(so|dylib)$/.test(name)) ?? fail('cargo built no library');
}

/** As `ts/addon.cts` names it: platform, architecture and, on Linux, the C library. */
function platform() {
  const triple = process.env.CARGO_BUILD_TARGET ?? /^host: (.*)$/m.exec(run('rustc', ['-vV'], { capture: true }))[1];
  const [machine] = triple.split('-');
  const arch = { x86_64: 'x64', aarch64: 'arm64', i686: 'ia32', armv7: 'arm' }[machine] ?? machine;
  if (triple.includes('linux')) return `linux-${arch}-${triple.includes('musl') ? 'musl' : 'gnu'}`;
  if (triple.includes('darwin')) return `darwin-${arch}`;
  return `${process.platform}-${arch}`;
}

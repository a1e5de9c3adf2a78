/**
 * Finds and loads the native addon of this platform.
 *
 * The one CommonJS file of both builds: an addon is loaded by `require`, and only a CommonJS
 * module knows its own folder without `import.meta`, which a CommonJS build may not name.
 */

import { basename, join } from 'node:path';
import type * as WorkerThreads from 'node:worker_threads';

import type * as Native from './native.js';

/** The native side, as the Rust glue declares it. */
export type NativeAddon = typeof Native;

/** A loaded addon and where it came from. */
export interface LoadedAddon {
  readonly native: NativeAddon;
  readonly file: string;
}

/** Why no addon could be loaded; the caller makes an `UnsupportedError` of it. */
export class AddonMissing extends Error {}

/** `dist/<format>/addon.cjs` lies two folders below the package. */
const FOLDER = join(__dirname, '..', '..', 'native');

/** The addon files that may serve this platform, the likeliest first. */
function candidates(): string[] {
  const base = `tallylight.${process.platform}-${process.arch}`;
  // A system with musl cannot load the glibc build and the other way round, so trying in turn
  // finds the right one without the cost of a diagnostic report.
  const suffixes = process.platform === 'linux' ? ['-gnu', '-musl'] : [''];
  return suffixes.map((suffix) => join(FOLDER, `${base}${suffix}.node`));
}

function isAddon(value: unknown): value is NativeAddon {
  return typeof value === 'object' && value !== null && typeof (value as Partial<NativeAddon>).version === 'function';
}

/** Loads the addon from `file`; undefined when it is not ours. */
function loadFrom(file: string): LoadedAddon | undefined {
  const native: unknown = require(file);
  return isAddon(native) ? { native, file } : undefined;
}

/**
 * Loads the addon that the thread which started this one has loaded, else this package's own, and
 * lets the threads that this one starts do the same: an addon holds the process-wide registry, and
 * a second file would be a second registry. `key` is what copies of the package meet under.
 *
 * @throws AddonMissing when there is none that loads
 */
export function loadShared(key: string): LoadedAddon {
  // Not at the top: it takes longer to load than all of this package.
  const { getEnvironmentData, setEnvironmentData } = require('node:worker_threads') as typeof WorkerThreads;
  const inherited: unknown = getEnvironmentData(key);
  if (typeof inherited === 'string') {
    try {
      const loaded = loadFrom(inherited);
      if (loaded !== undefined) return loaded;
    } catch {
      // Removed or replaced since: this copy's own file serves.
    }
  }
  const loaded = loadAddon();
  setEnvironmentData(key, loaded.file);
  return loaded;
}

/**
 * Loads this package's addon for this platform.
 *
 * @throws AddonMissing when there is none that loads
 */
export function loadAddon(): LoadedAddon {
  const failures: string[] = [];
  let cause: unknown;
  for (const file of candidates()) {
    try {
      const loaded = loadFrom(file);
      if (loaded !== undefined) return loaded;
      failures.push(`${basename(file)}: not a Tallylight addon`);
    } catch (error) {
      const missing = (error as { code?: unknown }).code === 'MODULE_NOT_FOUND';
      // The failure of a file that exists says more than the absence of another.
      if (!missing || cause === undefined) cause = error;
      failures.push(`${basename(file)}: ${missing ? 'not in the package' : String((error as Error).message)}`);
    }
  }
  throw new AddonMissing(
    `no native addon for ${process.platform}-${process.arch} could be loaded (${failures.join('; ')}). ` +
      'Install tallylight on this very platform instead of copying node_modules from another one; ' +
      'let a bundler leave "tallylight" external; in a checkout, run "npm run build" in bindings-node.',
    { cause },
  );
}

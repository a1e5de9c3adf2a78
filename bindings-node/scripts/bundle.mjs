// Joins the modules of a build in one file: fifty files take Node some 30 ms to find and load, one
// takes a few.

import path from 'node:path';

import { build } from 'esbuild';

/**
 * Writes `entry` and what it imports as one file. What is CommonJS stays beside it: only there are
 * `require` and `__dirname`, by which the addon is found.
 */
export async function bundle(entry, outfile, format) {
  await build({
    entryPoints: [entry],
    outfile,
    allowOverwrite: true,
    bundle: true,
    format,
    platform: 'node',
    target: 'node20',
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [
      {
        name: 'commonjs stays',
        setup: (made) => made.onResolve({ filter: /\.cjs$/ }, (it) => beside(path.dirname(entry), it)),
      },
    ],
  });
}

function beside(folder, { path: name, resolveDir }) {
  const from = path.relative(folder, path.resolve(resolveDir, name)).split(path.sep).join('/');
  return { path: `./${from}`, external: true };
}

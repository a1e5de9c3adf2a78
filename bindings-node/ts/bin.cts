#!/usr/bin/env node
/** The `tallylight` command: hands its arguments to the core's command line. */

import { loadAddon } from './addon.cjs';

try {
  process.exitCode = loadAddon().native.runCli(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`tallylight: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

/** Breadcrumbs of processes that the program starts. Off unless told: their names may say much. */

import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';

import { keepBreadcrumb } from '../capture.js';
import { faceOptions, firstOf } from '../face.js';
import { currentIsolationScope } from '../scope.js';

/** Leaves a breadcrumb when a process ends, without its arguments. */
export function watchSubprocesses(): void {
  if (!firstOf('subprocess')) return;
  subscribe('child_process', (message) => {
    const { breadcrumbs } = faceOptions();
    const { process: child } = message as { process?: ChildProcess };
    if (typeof breadcrumbs !== 'object' || breadcrumbs.subprocess !== true || child === undefined) return;
    const scope = currentIsolationScope();
    child.once('exit', (code: number | null, signal: string | null) => {
      const data = { file: child.spawnfile, ...(signal === null ? { exit_code: code } : { signal }) };
      keepBreadcrumb(scope, { category: 'subprocess', level: code === 0 ? 'info' : 'warning', data }, {});
    });
  });
}

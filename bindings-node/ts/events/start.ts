/** What `init` does for errors in the isolate that calls it. */

import { ask } from '../registry.js';
import { session } from '../session.js';
import { effective, faceOptions, setFaceOptions, warnOnce } from './face.js';
import { watchConsole } from './hooks/console.js';
import { deliverAtExit } from './hooks/exit.js';
import { watchRequests } from './hooks/http.js';
import { isolateRequests } from './hooks/server.js';
import { watchSubprocesses } from './hooks/subprocess.js';
import { captureUnhandled } from './hooks/unhandled.js';
import { captureWorkerErrors } from './hooks/workers.js';
import { textOf } from './plain.js';
import { entriesOf, globalScope } from './scope.js';
import type { FaceOptions, InitialScope } from './settings.js';

/** Takes in the options and puts the hooks in place that are on; again, it puts in those that are missing. */
export function startErrors(options: FaceOptions): void {
  setFaceOptions(options);
  const { initialScope, captureUnhandled: unhandled, breadcrumbs, isolateRequests: requests } = faceOptions();
  if (options.initialScope !== undefined) fillGlobal(initialScope!);
  const automatic = typeof breadcrumbs === 'object' ? breadcrumbs : { console: breadcrumbs, http: breadcrumbs };
  sayRuntime();
  const isKept = effective().maxBreadcrumbs > 0;
  const hooks: readonly (readonly [isOn: boolean, install: () => void])[] = [
    [unhandled !== false, captureUnhandled],
    [unhandled !== false, captureWorkerErrors],
    [isKept && automatic.console !== false, watchConsole],
    [isKept && automatic.http !== false, watchRequests],
    [isKept && 'subprocess' in automatic && automatic.subprocess === true, watchSubprocesses],
    [requests !== false, isolateRequests],
    [true, deliverAtExit],
  ];
  for (const [isOn, install] of hooks) {
    try {
      if (isOn) install();
    } catch (error) {
      // A runtime that is not quite Node lacks one or the other.
      warnOnce(install.name, `a hook could not be installed (${install.name}): ${textOf(error)}`);
    }
  }
}

/** What runs: the core knows the host, and this its runtime. */
function sayRuntime(): void {
  const runtime = { name: 'node', version: process.version };
  ask(() => session().native.setEventFacts(JSON.stringify({ contexts: { runtime } })));
}

function fillGlobal({ tags, user, extra, contexts, level, fingerprint }: InitialScope): void {
  const scope = globalScope().clear();
  if (tags !== undefined) scope.setTags(tags);
  if (user !== undefined) scope.setUser(user);
  for (const [key, value] of entriesOf(extra)) scope.setExtra(key, value);
  for (const [name, value] of entriesOf(contexts)) scope.setContext(name, value as Record<string, unknown>);
  if (level !== undefined) scope.setLevel(level);
  if (fingerprint !== undefined) scope.setFingerprint(fingerprint);
}

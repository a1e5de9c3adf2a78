/**
 * Profiles of transactions: where the time of this isolate went while one ran, by V8's own sampling
 * profiler through Node's inspector, in Sentry's sample format 1.
 *
 * There is one profiler an isolate, so a transaction that starts while another one is profiled has no
 * profile. A profile ends after 30 seconds, which is the most that a server takes. V8 takes some 10 ms
 * to start one, so the next waits until the last one's cost is less than 1 % of the time. Sources:
 * https://develop.sentry.dev/sdk/telemetry/profiles/sample-format-v1/,
 * https://chromedevtools.github.io/devtools-protocol/tot/Profiler/.
 */

import type { Profiler, Session } from 'node:inspector';

import { warnOnce } from './events/face.js';
import { newId } from './events/ids.js';
import { inspector, os } from './events/lazy.cjs';
import { textOf } from './events/plain.js';

/** Off the round number, so that it does not keep step with the program's own timers. */
const INTERVAL_MICROS = 9_900;
const LONGEST_MS = 29_500;
/** The server takes no profile with fewer. */
const FEWEST_SAMPLES = 2;
/** What starting, stopping and writing profiles may take of all time. */
const SHARE = 0.01;

const now = performance.now.bind(performance);

/** A profile that runs. */
export interface RunningProfile {
  /** Ends it; answers how to write it for a transaction, or undefined when there is too little in it. */
  stop(): ((transaction: string, name: string, traceId: string) => string | undefined) | undefined;
}

let running = false;
let session: Session | undefined;
/** When the next profile may start. */
let notBefore = 0;

/** Runs a part of the profiler's work, and has the next profile wait for it. */
function paid<T>(work: () => T): T {
  const startedAt = now();
  try {
    return work();
  } finally {
    const endedAt = now();
    notBefore = Math.max(notBefore, endedAt) + (endedAt - startedAt) / SHARE;
  }
}

/** Starts profiling, unless something is profiled already or the runtime cannot. */
export function startProfile(): RunningProfile | undefined {
  if (running || now() < notBefore) return undefined;
  try {
    paid(() => post((session ??= connect()), 'Profiler.start'));
  } catch (error) {
    warnOnce('profile', `transactions are not profiled: ${textOf(error)}`);
    return undefined;
  }
  running = true;
  const startedAt = Date.now();
  let profile: Profiler.Profile | undefined;
  const end = (): void => {
    if (!running || profile !== undefined) return;
    running = false;
    try {
      profile = (paid(() => post(session!, 'Profiler.stop')) as Profiler.StopReturnType | undefined)?.profile;
    } catch {
      // Somebody else's tool may have taken the profiler.
    }
  };
  const timer = setTimeout(end, LONGEST_MS);
  timer.unref();
  let isStopped = false;
  return {
    stop() {
      if (isStopped) return undefined;
      isStopped = true;
      clearTimeout(timer);
      end();
      if (profile === undefined || (profile.samples?.length ?? 0) < FEWEST_SAMPLES) return undefined;
      const whole = profile;
      return (transaction, name, traceId) => paid(() => written(whole, startedAt, { transaction, name, traceId }));
    },
  };
}

function connect(): Session {
  const { Session: Inspected } = inspector();
  const fresh = new Inspected();
  fresh.connect();
  post(fresh, 'Profiler.enable');
  post(fresh, 'Profiler.setSamplingInterval', { interval: INTERVAL_MICROS });
  return fresh;
}

/** To the same thread, so the answer is there when the call is over. */
function post(to: Session, method: string, parameters?: object): unknown {
  let answer: unknown;
  let failure: Error | null = null;
  (to.post as (method: string, parameters: object, done: (error: Error | null, result?: unknown) => void) => void)(
    method,
    parameters ?? {},
    (error, result) => {
      failure = error;
      answer = result;
    },
  );
  if (failure !== null) throw failure;
  return answer;
}

interface Of {
  readonly transaction: string;
  readonly name: string;
  readonly traceId: string;
}

const THREAD = '0';

function written(profile: Profiler.Profile, startedAt: number, { transaction, name, traceId }: Of): string | undefined {
  const { samples = [], timeDeltas = [] } = profile;
  const stacks = new Stacks(profile.nodes);
  const taken: { stack_id: number; thread_id: string; elapsed_since_start_ns: string }[] = [];
  let elapsed = 0;
  for (let at = 0; at < samples.length; at++) {
    elapsed += Math.max(0, timeDeltas[at] ?? 0);
    const stack = stacks.of(samples[at]!);
    if (stack === undefined) continue;
    taken.push({ stack_id: stack, thread_id: THREAD, elapsed_since_start_ns: String(Math.round(elapsed * 1e3)) });
  }
  if (taken.length < FEWEST_SAMPLES) return undefined;
  return JSON.stringify({
    version: '1',
    platform: 'node',
    event_id: newId(),
    timestamp: new Date(startedAt).toISOString(),
    runtime: { name: 'node', version: process.versions.node },
    os: { name: os().type(), version: os().release() },
    device: { architecture: process.arch },
    transaction: { id: transaction, name, trace_id: traceId, active_thread_id: THREAD },
    profile: {
      samples: taken,
      stacks: stacks.stacks,
      frames: stacks.frames,
      thread_metadata: { [THREAD]: { name: 'main' } },
    },
  });
}

/** The frames and stacks of a profile, each once. */
class Stacks {
  readonly frames: object[] = [];
  readonly stacks: number[][] = [];
  readonly #nodes = new Map<number, Profiler.ProfileNode>();
  readonly #parents = new Map<number, number>();
  readonly #byNode = new Map<number, number | undefined>();
  readonly #byCall = new Map<string, number>();

  constructor(nodes: readonly Profiler.ProfileNode[]) {
    for (const node of nodes) {
      this.#nodes.set(node.id, node);
      for (const child of node.children ?? []) this.#parents.set(child, node.id);
    }
  }

  /** The number of the stack that ends in a node, the leaf first; undefined for what is no call. */
  of(id: number): number | undefined {
    if (this.#byNode.has(id)) return this.#byNode.get(id);
    const stack: number[] = [];
    let isOwn = false;
    for (let at: number | undefined = id; at !== undefined; at = this.#parents.get(at)) {
      const node = this.#nodes.get(at);
      if (node === undefined || !isCall(node)) continue;
      isOwn ||= node.callFrame.url === OWN;
      stack.push(this.#frame(node.callFrame));
    }
    const number = stack.length === 0 || isOwn ? undefined : this.stacks.push(stack) - 1;
    this.#byNode.set(id, number);
    return number;
  }

  #frame({ functionName, url, lineNumber, columnNumber }: Profiler.ProfileNode['callFrame']): number {
    const key = `${functionName}\n${url}\n${lineNumber}\n${columnNumber}`;
    const known = this.#byCall.get(key);
    if (known !== undefined) return known;
    const path = url.startsWith('file://') ? decodeURI(url.slice(7)) : url;
    const number =
      this.frames.push({
        function: functionName === '' ? '<anonymous>' : functionName,
        ...(path === '' ? undefined : { abs_path: path, filename: path }),
        ...(lineNumber < 0 ? undefined : { lineno: lineNumber + 1, colno: columnNumber + 1 }),
        in_app: path !== '' && !path.startsWith('node:') && !path.includes('/node_modules/'),
      }) - 1;
    this.#byCall.set(key, number);
    return number;
  }
}

/** The profiler's own work, when it starts and stops. */
const OWN = 'node:inspector';

/** V8's own entries stand for no call. */
function isCall({ callFrame: { functionName, url } }: Profiler.ProfileNode): boolean {
  return url !== '' || !/^\((root|program|idle)\)$/.test(functionName);
}

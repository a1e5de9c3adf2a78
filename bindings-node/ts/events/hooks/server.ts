/**
 * Each request that a server of `node:http` serves has a scope of its own: what is set while it is
 * served is on no event of another one. Frameworks on top of such a server (Express, Fastify, Next.js)
 * have it too.
 */

import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server } from 'node:http';

import { effective, faceOptions, firstOf } from '../face.js';
import { currentIsolationScope, currentScope, runInScopes } from '../scope.js';

type Emit = (this: unknown, event: string | symbol, ...args: unknown[]) => boolean;

const watched = new WeakSet<Server>();

/** Gives the requests of all servers their scopes from now on. */
export function isolateRequests(): void {
  if (!firstOf('server')) return;
  // It is published before the server emits the request, so the first one is in time.
  subscribe('http.server.request.start', (message) => {
    try {
      watch((message as { server: Server }).server);
    } catch {
      // Of another version's message, say; the request is served all the same.
    }
  });
}

function watch(server: Server): void {
  if (watched.has(server)) return;
  watched.add(server);
  const emit = server.emit as Emit;
  server.emit = function (this: unknown, event: string | symbol, ...args: unknown[]) {
    const emitted = (): boolean => Reflect.apply(emit, this, [event, ...args]);
    if (event !== 'request' || faceOptions().isolateRequests === false) return emitted();
    const scope = currentIsolationScope().fork();
    scope.trace = undefined;
    scope.request = () => describe(args[0] as IncomingMessage);
    const current = currentScope().fork();
    current.span = undefined;
    current.trace = undefined;
    return runInScopes(scope, current, emitted);
  } as typeof server.emit;
}

/** Headers that say who somebody is. */
const PERSONAL = new Set(['cookie', 'authorization', 'proxy-authorization', 'x-forwarded-for', 'x-real-ip', 'forwarded', 'cf-connecting-ip', 'true-client-ip']);

/** A request as Sentry describes one; only read when an event is captured. */
function describe(request: IncomingMessage): object | undefined {
  const { method, url = '', headers, socket } = request;
  const { sendDefaultPii } = effective();
  const scheme = 'encrypted' in socket ? 'https' : 'http';
  const [path = '', query] = url.split('?', 2);
  const shown: { [name: string]: string } = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || (!sendDefaultPii && PERSONAL.has(name))) continue;
    shown[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return {
    method,
    url: `${scheme}://${headers.host ?? 'localhost'}${path}`,
    ...(query === undefined ? undefined : { query_string: query }),
    headers: shown,
    ...(sendDefaultPii && socket.remoteAddress !== undefined ? { env: { REMOTE_ADDR: socket.remoteAddress } } : undefined),
  };
}

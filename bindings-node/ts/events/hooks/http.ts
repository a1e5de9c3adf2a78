/**
 * Breadcrumbs of requests that the program makes, with `fetch` (undici) and with `node:http`, through
 * the channels that both publish on.
 *
 * A connection outlives the request that opened it, so an answer may come in another request's
 * context: a breadcrumb goes to the scope in which its request was started.
 */

import { subscribe } from 'node:diagnostics_channel';

import { keepBreadcrumb } from '../capture.js';
import { faceOptions, firstOf } from '../face.js';
import { currentIsolationScope } from '../scope.js';
import type { Scope } from '../scope.js';
import type { Level } from '../types.js';

/** A request under way. */
interface Started {
  readonly scope: Scope;
  readonly at: number;
}

/** What undici publishes. */
interface UndiciRequest {
  readonly method?: unknown;
  readonly origin?: unknown;
  readonly path?: unknown;
}

/** What `node:http` publishes. */
interface ClientRequest {
  readonly method?: unknown;
  readonly protocol?: unknown;
  readonly host?: unknown;
  readonly path?: unknown;
  getHeader?(name: string): unknown;
}

const started = new WeakMap<object, Started>();

/** Leaves a breadcrumb at the end of each request. */
export function watchRequests(): void {
  if (!firstOf('http')) return;
  on('undici:request:create', ({ request }) => start(request));
  on('undici:request:headers', ({ request, response }) => end(request, undiciUrl(request), statusOf(response)));
  on('undici:request:error', ({ request, error }) => end(request, undiciUrl(request), undefined, error));
  on('http.client.request.start', ({ request }) => start(request));
  on('http.client.response.finish', ({ request, response }) => end(request, httpUrl(request), statusOf(response)));
  on('http.client.request.error', ({ request, error }) => end(request, httpUrl(request), undefined, error));
}

interface Message {
  readonly request: object;
  readonly response?: object;
  readonly error?: unknown;
}

function on(channel: string, listener: (message: Message) => void): void {
  subscribe(channel, (message) => {
    try {
      if (isOn()) listener(message as Message);
    } catch {
      // Of another version's message, say; the request is none of our business.
    }
  });
}

function isOn(): boolean {
  const { breadcrumbs } = faceOptions();
  return typeof breadcrumbs === 'object' ? breadcrumbs.http !== false : breadcrumbs !== false;
}

function start(request: object): void {
  started.set(request, { scope: currentIsolationScope(), at: performance.now() });
}

function end(request: object, url: string, status: number | undefined, error?: unknown): void {
  const known = started.get(request);
  if (known === undefined) return;
  started.delete(request);
  const data: { [key: string]: unknown } = { url, method: textOr((request as UndiciRequest).method, 'GET') };
  if (status !== undefined) data['status_code'] = status;
  if (error !== undefined) data['error'] = String((error as { message?: unknown } | null)?.message ?? error);
  data['duration_ms'] = Math.round(performance.now() - known.at);
  keepBreadcrumb(known.scope, { type: 'http', category: 'http', level: levelOf(status), data }, { request });
}

function levelOf(status: number | undefined): Level {
  if (status === undefined || status >= 500) return 'error';
  return status >= 400 ? 'warning' : 'info';
}

function statusOf(response: object | undefined): number | undefined {
  const status: unknown = (response as { statusCode?: unknown } | undefined)?.statusCode;
  return typeof status === 'number' ? status : undefined;
}

function undiciUrl(request: object): string {
  const { origin, path } = request as UndiciRequest;
  return `${textOr(origin, String(origin ?? ''))}${textOr(path, '')}`;
}

function httpUrl(request: object): string {
  const { protocol, host, path, getHeader } = request as ClientRequest;
  // The header has the port, where there is one.
  const named: unknown = typeof getHeader === 'function' ? Reflect.apply(getHeader, request, ['host']) : undefined;
  return `${textOr(protocol, 'http:')}//${textOr(named, textOr(host, ''))}${textOr(path, '')}`;
}

function textOr(value: unknown, other: string): string {
  return typeof value === 'string' ? value : other;
}

/**
 * From an assembled event to the core: `beforeSend`, one JSON text, one native call.
 *
 * Nothing here throws into the application, and whatever does not reach the core is counted there
 * with its reason.
 */

import type { AttachedFile } from '../native.js';
import { session } from '../session.js';
import type { Crumb } from './breadcrumbs.js';
import type { Assembled } from './event.js';
import { effective, face, warnOnce } from './face.js';
import { plainObject, textOf } from './plain.js';
import type { EventHint } from './settings.js';
import type { Attachment, Event, Frame } from './types.js';

/** The categories that an item can have. */
export type Category = 'error' | 'transaction' | 'profile' | 'monitor' | 'session' | 'attachment';

/** Why something is not handed over. */
export type Refusal = 'sample_rate' | 'before_send' | 'event_processor' | 'internal_sdk_error' | 'closed';

/** What an item carries beside its payload. */
export interface Beside {
  /** The envelope's `trace` header, a JSON object. */
  readonly trace?: string | undefined;
  /** The profile of a transaction, a JSON object. */
  readonly profile?: string | undefined;
  readonly attachments?: readonly Attachment[] | undefined;
}

/** Hands an item over; answers what became of it. */
export function submit(category: Category, id: string, payload: string, beside: Beside = {}): string {
  try {
    const files = beside.attachments === undefined || beside.attachments.length === 0 ? undefined : filesOf(beside.attachments);
    return session().native.captureItem(category, id, payload, beside.trace, beside.profile, files);
  } catch (error) {
    warnOnce('submit', `an event could not be handed over: ${textOf(error)}`);
    return 'internal_sdk_error';
  }
}

/** Counts something that is not handed over. */
export function refuse(category: Category, reason: Refusal): void {
  try {
    session().native.discardItems(category, reason, 1);
  } catch {
    // Without an addon there is no account either.
  }
}

function filesOf(attachments: readonly Attachment[]): AttachedFile[] {
  const files: AttachedFile[] = [];
  for (const attachment of attachments) {
    try {
      const { filename, data, contentType } = attachment;
      if (typeof data !== 'string' && !(data instanceof Uint8Array)) continue;
      files.push({
        filename: textOf(filename),
        contentType: contentType === undefined ? undefined : textOf(contentType),
        data: typeof data === 'string' ? Buffer.from(data) : data,
      });
    } catch {
      // One that cannot be read keeps no other back.
    }
  }
  return files;
}

/** Sends an event; answers its id, or an empty text when it is known that it is not kept. */
export function send(assembled: Assembled, id: string, category: 'error' | 'transaction', original: unknown): string {
  const { options } = face();
  assembled.event.event_id = id;
  const hook = category === 'error' ? options.beforeSend : options.beforeSendTransaction;
  if (hook === undefined) return deliver(assembled, id, category, undefined);
  const hint: EventHint = { originalException: original, attachments: [...assembled.attachments] };
  const event = withCrumbs(copied(assembled.event), assembled.crumbs);
  let answer: unknown;
  try {
    answer = hook(event, hint);
  } catch (error) {
    return hookFailed(category, error);
  }
  if (isThenable(answer)) {
    sendLater(assembled, id, category, hint, answer);
    return id;
  }
  return afterHook(assembled, id, category, hint, answer);
}

function afterHook(assembled: Assembled, id: string, category: 'error' | 'transaction', hint: EventHint, answer: unknown): string {
  if (typeof answer !== 'object' || answer === null) {
    if (answer !== null) warnOnce('beforeSend', 'beforeSend answered neither an event nor null; the event was dropped');
    refuse(category, 'before_send');
    return '';
  }
  const attachments = Array.isArray(hint.attachments) ? hint.attachments : [];
  return deliver({ ...assembled, event: answer as Event, attachments }, id, category, answer as Event);
}

function sendLater(assembled: Assembled, id: string, category: 'error' | 'transaction', hint: EventHint, answer: PromiseLike<unknown>): void {
  const { pending } = face();
  const settled = Promise.resolve(answer).then(
    (event) => void afterHook(assembled, id, category, hint, event),
    (error: unknown) => void hookFailed(category, error),
  );
  pending.add(settled);
  void settled.finally(() => pending.delete(settled));
}

/** What a hook would have taken away must not leave, so the event stays here. */
function hookFailed(category: 'error' | 'transaction', error: unknown): string {
  warnOnce('beforeSend', `beforeSend failed, and the event was dropped: ${textOf(error)}`);
  refuse(category, 'before_send');
  return '';
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  try {
    return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
  } catch {
    return false;
  }
}

/** `whole` is the event with its breadcrumbs, where a hook had it. */
function deliver(assembled: Assembled, id: string, category: 'error' | 'transaction', whole: Event | undefined): string {
  const { event, crumbs, trace, profile, attachments } = assembled;
  const payload = whole === undefined ? write(event, crumbs) : writeWhole({ ...whole, event_id: id });
  const outcome = submit(category, id, payload, { trace, profile, attachments });
  return outcome === 'spooled' || outcome === 'queued' || outcome === 'storm' ? id : '';
}

/** The event's JSON with its breadcrumbs, which were written before. */
function write(event: Event, crumbs: readonly Crumb[]): string {
  const most = effective().maxBreadcrumbs;
  if (crumbs.length === 0 || most === 0 || event.breadcrumbs !== undefined) return writeWhole(event);
  const json = writeWhole(event);
  let texts = '';
  for (let i = Math.max(0, crumbs.length - most); i < crumbs.length; i++) texts += `,${crumbs[i]!.json}`;
  return `${json.slice(0, -1)},"breadcrumbs":[${texts.slice(1)}]}`;
}

function writeWhole(event: Event): string {
  try {
    const json: unknown = JSON.stringify(event);
    if (typeof json === 'string') return json;
  } catch {
    // A cycle, a bigint, a getter that throws: of what a hook or a caller put in.
  }
  return JSON.stringify(plainObject(event));
}

function withCrumbs(event: Event, crumbs: readonly Crumb[]): Event {
  const most = effective().maxBreadcrumbs;
  if (crumbs.length > 0 && most > 0) event.breadcrumbs ??= crumbs.slice(-most).map(({ crumb }) => ({ ...crumb }));
  return event;
}

/** What a hook may change is its own: frames and contexts are shared between events. */
function copied(event: Event): Event {
  const copy = { ...event };
  if (copy.tags !== undefined) copy.tags = { ...copy.tags };
  if (copy.user !== undefined) copy.user = { ...copy.user };
  if (copy.extra !== undefined) copy.extra = { ...copy.extra };
  if (copy.contexts !== undefined) {
    copy.contexts = Object.fromEntries(Object.entries(copy.contexts).map(([name, context]) => [name, { ...context }]));
  }
  const values = copy.exception?.values;
  if (Array.isArray(values)) {
    copy.exception = {
      ...copy.exception,
      values: values.map((value) => {
        const frames = value.stacktrace?.frames;
        if (!Array.isArray(frames)) return value;
        return { ...value, stacktrace: { ...value.stacktrace, frames: frames.map((frame: Frame) => ({ ...frame })) } };
      }),
    };
  }
  return copy;
}

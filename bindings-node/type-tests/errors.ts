// Errors as TypeScript sees them. Checked by `npm run check`, never run.

import {
  addBreadcrumb,
  captureEvent,
  captureException,
  captureMessage,
  clearScope,
  close,
  delivery,
  flush,
  init,
  lastEventId,
  setContext,
  setExtra,
  setFingerprint,
  setLevel,
  setTag,
  setTags,
  setUser,
  withIsolationScope,
  withScope,
} from 'tallylight';
import type { Breadcrumb, CaptureOptions, Delivery, ErrorsOptions, Event, EventHint, Frame, Scope } from 'tallylight';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <T extends true>(): T => true as T;

const options: ErrorsOptions = {
  dsn: 'https://key@host/1',
  sampleRate: 0.5,
  beforeSend(event, hint) {
    same<Same<typeof event, Event>>();
    same<Same<typeof hint, EventHint>>();
    const frame: Frame | undefined = event.exception?.values?.[0]?.stacktrace?.frames?.at(-1);
    if (frame?.in_app === false) return null;
    event.tags = { ...event.tags, checked: 'yes' };
    return event;
  },
  beforeBreadcrumb: (crumb) => (crumb.category === 'console' ? null : { ...crumb, level: 'debug' }),
  ignoreErrors: ['ECONNRESET', /of no interest/, TypeError, class Own extends Error {}],
  breadcrumbs: { console: false },
  tracesSampler: ({ name, parentSampled }) => parentSampled ?? (name === '/health' ? 0 : undefined),
};
init({ errors: options });
init({ errors: { beforeSend: async (event) => event, breadcrumbs: false } });
// @ts-expect-error: a rate is a number
init({ errors: { sampleRate: 'all' } });
// @ts-expect-error: there is no such option
init({ errors: { maxBreadcrumb: 5 } });

same<Same<ReturnType<typeof captureException>, string>>();
captureException('anything', { context: { analysisId: 'a' }, tags: { a: 1, b: true }, level: 'warning', handled: false });
captureException(undefined, { context: 'checkout', attachments: [{ filename: 'a', data: new Uint8Array() }] });
// @ts-expect-error: there is no such level
captureException(null, { level: 'bad' });
captureMessage('text', 'info');
captureMessage('text', { extra: { a: [1] } } satisfies CaptureOptions);
captureEvent({ message: 'text', anything: { else: true } });
const crumb: Breadcrumb = { category: 'auth', message: 'signed in', data: { provider: 'github' } };
addBreadcrumb(crumb);
addBreadcrumb('text');
setUser({ id: 1, email: 'a@example.com', plan: 'pro' });
setUser(null);
setTag('a', 1);
setTags({ a: 'b', c: undefined });
setContext('job', { id: 1 });
setExtra('raw', [1]);
setLevel('fatal');
setFingerprint(['a']);
clearScope();
same<Same<ReturnType<typeof lastEventId>, string>>();

const answer = withScope((scope) => {
  same<Same<typeof scope, Scope>>();
  scope.setTag('a', 1).setUser(null).addAttachment({ filename: 'a', data: 'b' });
  return 5;
});
same<Same<typeof answer, number>>();
const later = withIsolationScope(async () => 'done');
same<Same<typeof later, Promise<string>>>();

same<Same<ReturnType<typeof delivery>, Delivery>>();
same<Same<ReturnType<typeof flush>, Promise<Delivery>>>();
same<Same<ReturnType<typeof close>, Promise<Delivery>>>();
void flush(2_000).then(({ sent, dropped, pending, reasons, waitingFor }) => {
  same<Same<typeof waitingFor, string | null>>();
  return sent + dropped + pending + (reasons['before_send'] ?? 0);
});

// The SDKs that are compared, as their documentation shows them: each a way to capture an error, to flush and to close.

/** Loads what it takes: nothing of it is imported before. `said` is what flush and close answer, in a word or two. */
export async function opened(who, dsn) {
  if (who === 'tallylight') {
    const { addBreadcrumb, captureException, close, flush, init } = await import('tallylight');
    init({ errors: { dsn } });
    const said = ({ sent, dropped, pending }) => `sent ${sent}, dropped ${dropped}, pending ${pending}`;
    return {
      capture: captureException,
      breadcrumb: (message) => addBreadcrumb({ category: 'work', message }),
      flush: async (ms) => said(await flush(ms)),
      close: async (ms) => said(await close(ms)),
    };
  }
  if (who === 'sentry') {
    const Sentry = await import('@sentry/node');
    Sentry.init({ dsn });
    return {
      capture: Sentry.captureException,
      breadcrumb: (message) => Sentry.addBreadcrumb({ category: 'work', message }),
      flush: async (ms) => String(await Sentry.flush(ms)),
      close: async (ms) => String(await Sentry.close(ms)),
    };
  }
  throw new Error(`nobody is called ${who}`);
}

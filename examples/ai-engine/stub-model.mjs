/**
 * A stand-in for the Gemini API: the same wire format, realistic delays and failures, no key.
 */
import { UsageError, printJson, runCommand } from './lib/cli.mjs';
import { listen, onStop } from './lib/lifecycle.mjs';
import { DEFAULTS, changeSettings } from './stub/behaviour.mjs';
import { createStub } from './stub/server.mjs';

const { rates } = DEFAULTS;
const share = { type: /** @type {const} */ ('number'), value: 'SHARE', max: 1 };

/** @type {import('./lib/cli.mjs').CommandSpec} */
const spec = {
  name: 'stub-model',
  summary: 'A local model server that speaks the Gemini wire format, with heavy-tailed delays and failures.',
  options: {
    port: {
      type: 'number',
      help: 'port, 0 for a free one',
      env: 'STUB_PORT',
      default: 8788,
      max: 65535,
      integer: true,
    },
    host: { type: 'string', help: 'address to listen on', default: '127.0.0.1' },
    speed: { type: 'number', value: 'FACTOR', help: 'divides every delay', default: 1, min: 0.001, max: 1e6 },
    seed: { type: 'number', help: 'same seed, same calls', default: 1, integer: true },
    'timeout-rate': { ...share, help: 'share of calls that never answer', default: rates.timeout },
    'rate-limit-rate': { ...share, help: 'share of calls answered 429 with Retry-After', default: rates.rateLimit },
    'server-error-rate': { ...share, help: 'share of calls answered 500 or 503', default: rates.serverError },
    'disconnect-rate': { ...share, help: 'share of calls whose connection breaks', default: rates.disconnect },
    'retry-after': {
      type: 'number',
      value: 'S',
      help: 'seconds that a 429 asks to wait',
      default: DEFAULTS.retryAfterSeconds,
      max: 3600,
    },
    'api-key': { type: 'string', value: 'KEY', help: 'refuse calls without this key' },
  },
  examples: [
    'node stub-model.mjs --speed 10 --seed 7',
    'node stub-model.mjs --port 0 --timeout-rate 0 --rate-limit-rate 0.2',
    `curl -s localhost:8788/__control -d '{"rates":{"serverError":0.5},"latency":{"firstTokenMs":2000}}'   # an incident`,
    `curl -s localhost:8788/__control -d '{"next":["rateLimit","ok"]}'   # the next calls, one by one`,
    `curl -s localhost:8788/__control -d '{"reset":true}'   # as it was started`,
    'curl -s localhost:8788/__control   # settings, and what was answered so far',
  ],
};

await runCommand(spec, async (options) => {
  const server = createStub({ settings: settingsOf(options), seed: options.seed, apiKey: options.apiKey });
  const url = await listen(server, options.port, options.host);
  const stopped = new Promise((resolve) => onStop(resolve));
  printJson({ ready: true, url: `${url}/v1beta`, control: `${url}/__control` });

  await stopped;
  server.close();
  // Calls that never answer would hold us for ever.
  server.closeAllConnections();
});

/**
 * @param {Record<string, any>} options
 */
function settingsOf(options) {
  try {
    return changeSettings(DEFAULTS, {
      speed: options.speed,
      retryAfterSeconds: options.retryAfter,
      rates: {
        timeout: options.timeoutRate,
        rateLimit: options.rateLimitRate,
        serverError: options.serverErrorRate,
        disconnect: options.disconnectRate,
      },
    });
  } catch (error) {
    throw new UsageError(/** @type {Error} */ (error).message);
  }
}

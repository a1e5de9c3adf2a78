/**
 * The AI engine: `POST /analyze`, measured by Tallylight, its status at `GET /api/monitoring/status`.
 */
import { init } from 'tallylight';
import { UsageError, printJson, runCommand } from './lib/cli.mjs';
import { listen, onStop } from './lib/lifecycle.mjs';
import { measureModel } from './lib/measured-model.mjs';
import { findModelKey } from './lib/model-key.mjs';
import { createService } from './lib/service.mjs';
import { createTelemetry } from './lib/telemetry.mjs';
import { GeminiClient } from './model-client.mjs';

/** Where `node stub-model.mjs` listens by default. */
const STUB_URL = 'http://127.0.0.1:8788/v1beta';

/** @type {import('./lib/cli.mjs').CommandSpec} */
const spec = {
  name: 'server',
  summary: 'The AI engine: POST /analyze, GET /api/monitoring/status, GET /api/health.',
  options: {
    port: { type: 'number', help: 'port, 0 for a free one', env: 'PORT', default: 8787, max: 65535, integer: true },
    host: { type: 'string', help: 'address to listen on', env: 'HOST', default: '127.0.0.1' },
    'model-url': {
      type: 'string',
      value: 'URL',
      help: 'base URL of the Gemini API',
      env: 'GEMINI_BASE_URL',
      default: STUB_URL,
    },
    model: { type: 'string', value: 'NAME', help: 'model', env: 'GEMINI_MODEL', default: 'gemini-2.5-flash' },
    'timeout-ms': {
      type: 'number',
      value: 'MS',
      help: 'for all model work of one request',
      default: 15_000,
      min: 1,
      max: 600_000,
    },
    'max-retry-wait-ms': {
      type: 'number',
      value: 'MS',
      help: 'longest Retry-After that is waited for',
      default: 2000,
      max: 60_000,
    },
    'max-body-bytes': {
      type: 'number',
      value: 'BYTES',
      help: 'larger bodies are refused with 413',
      default: 1024 * 1024,
      min: 1,
      integer: true,
    },
    'drain-ms': {
      type: 'number',
      value: 'MS',
      help: 'time for running requests after SIGTERM',
      default: 10_000,
      max: 600_000,
    },
  },
  examples: [
    'node stub-model.mjs &  node server.mjs',
    `curl -s localhost:8787/analyze -d '{"text":"A street in the rain.","stream":true}'`,
    'curl -s localhost:8787/api/monitoring/status',
    'GEMINI_BASE_URL=https://generativelanguage.googleapis.com/v1beta GEMINI_API_KEY=... node server.mjs',
  ],
};

await runCommand(spec, async (options) => {
  checkModelUrl(options.modelUrl);

  const tally = init({ service: 'ai-engine' });
  const telemetry = createTelemetry(tally, { provider: 'gcp.gemini', model: options.model });
  const withKey = await findModelKey(options.modelUrl);
  const client = new GeminiClient({ baseUrl: options.modelUrl, model: options.model, withKey });
  const service = createService({
    model: measureModel(client, telemetry.model),
    instruments: telemetry.server,
    onModelRetry: () => telemetry.model.retries.increment(),
    status: () => tally.status(),
    timeoutMs: options.timeoutMs,
    maxRetryWaitMs: options.maxRetryWaitMs,
    maxBodyBytes: options.maxBodyBytes,
    log: (message) => process.stderr.write(`server: ${message}\n`),
  });

  const url = await listen(service.server, options.port, options.host);
  const stopped = new Promise((resolve) => onStop(resolve));
  printJson({
    ready: true,
    url,
    status: `${url}/api/monitoring/status`,
    health: `${url}/api/health`,
    model: options.modelUrl,
  });

  await stopped;
  await service.drain(options.drainMs);
  tally.shutdown();
});

/** @param {string} modelUrl */
function checkModelUrl(modelUrl) {
  if (!URL.canParse(modelUrl) || !/^https?:$/.test(new URL(modelUrl).protocol)) {
    throw new UsageError(`the model URL must be an http or https URL; got '${modelUrl}'`);
  }
}

/**
 * The whole example in one command: stub model, AI engine and, if asked for, load.
 */
import { CommandError, printJson, runCommand } from './lib/cli.mjs';
import { startChild, stopChildren } from './lib/children.mjs';
import { onStop } from './lib/lifecycle.mjs';

/** @type {import('./lib/cli.mjs').CommandSpec} */
const spec = {
  name: 'start',
  summary: 'Starts the stub model, the AI engine and (with --rps or --replay) load; stops them all together.',
  options: {
    port: {
      type: 'number',
      help: 'port of the engine, 0 for a free one',
      env: 'PORT',
      default: 8787,
      max: 65535,
      integer: true,
    },
    'stub-port': {
      type: 'number',
      help: 'port of the stub model, 0 for a free one',
      default: 0,
      max: 65535,
      integer: true,
    },
    'model-url': {
      type: 'string',
      value: 'URL',
      help: 'a real Gemini API instead of the stub (and GEMINI_API_KEY)',
      env: 'GEMINI_BASE_URL',
    },
    'timeout-ms': {
      type: 'number',
      value: 'MS',
      help: 'for all model work of one request [default 15000 / speed, at least 3000]',
      min: 1,
      max: 600_000,
    },
    speed: {
      type: 'number',
      value: 'FACTOR',
      help: 'the stub answers this many times faster',
      default: 1,
      min: 0.001,
      max: 1e6,
    },
    seed: { type: 'number', help: 'of the stub and the load', default: 1, integer: true },
    rps: { type: 'number', help: 'load: requests a second', default: 0, max: 10_000 },
    replay: { type: 'string', value: 'FILE', help: 'load: arrivals and token counts from a CSV' },
    compress: { type: 'number', help: 'load: replay this many times faster', default: 10, min: 0.001, max: 1e6 },
    seconds: { type: 'number', value: 'S', help: 'end after so much load, 0 to stay', default: 0, max: 1e7 },
    quiet: { type: 'boolean', help: 'no progress of the load' },
  },
  examples: [
    'node start.mjs --rps 20',
    'node start.mjs --port 0 --rps 50 --seconds 30     # ends by itself, prints a summary',
    'node start.mjs --replay ../../../shared/data/azure-llm/AzureLLMInferenceTrace_conv.csv --compress 10 --speed 10',
    'GEMINI_API_KEY=... node start.mjs --model-url https://generativelanguage.googleapis.com/v1beta',
  ],
};

await runCommand(spec, async (options) => {
  /** @type {import('./lib/children.mjs').Child[]} */
  const children = [];
  /** @type {(name: string, args: string[]) => import('./lib/children.mjs').Child} */
  const start = (name, args) => {
    const child = startChild(name, args);
    children.push(child);
    return child;
  };
  const stopped = new Promise((resolve) => onStop(resolve)).then(() => undefined);

  try {
    const ready = await Promise.race([startServices(options, start), stopped]);
    if (!ready) return;
    printJson({ ready: true, ...ready });

    const services = children.map((child) => child.ended.then(() => child));
    const load = startLoad(options, ready.url, start);
    const first = await Promise.race([stopped, ...services, ...(load ? [load.ended.then(() => load)] : [])]);
    if (first && first !== load)
      throw new CommandError(`${first.name} ended unexpectedly (exit code ${first.process.exitCode}).`);
    if (first) return await reportLoad(first, options);
  } finally {
    await stopChildren(children);
  }
});

/**
 * @param {Record<string, any>} options
 * @param {(name: string, args: string[]) => import('./lib/children.mjs').Child} start
 */
async function startServices(options, start) {
  let model = { url: options.modelUrl, control: undefined };
  if (!options.modelUrl) {
    model = await start('stub-model', flags({ port: options.stubPort, speed: options.speed, seed: options.seed }))
      .firstLine;
  }
  // Time-lapse for both sides: a model ten times as fast is given up ten times as soon.
  const timeoutMs = options.timeoutMs ?? (options.modelUrl ? undefined : Math.max(3000, 15_000 / options.speed));
  const server = start('server', flags({ port: options.port, 'model-url': model.url, 'timeout-ms': timeoutMs }));
  const { url, status, health } = await server.firstLine;
  return { url, status, health, model: { url: model.url, control: model.control } };
}

/**
 * @param {Record<string, any>} options
 * @param {string} url
 * @param {(name: string, args: string[]) => import('./lib/children.mjs').Child} start
 */
function startLoad({ rps, replay, compress, seconds, seed, quiet }, url, start) {
  if (!(rps > 0) && replay === undefined) return undefined;
  const shape = replay === undefined ? { rps } : { replay, compress };
  return start('load', [...flags({ url, seconds, seed, ...shape }), '--json', ...(quiet ? ['--quiet'] : [])]);
}

/**
 * @param {import('./lib/children.mjs').Child} load
 * @param {Record<string, any>} options
 */
async function reportLoad(load, options) {
  const { code } = await load.ended;
  if (code !== 0) throw new CommandError(`the load failed (exit code ${code}).`);
  printJson({ finished: true, load: await load.firstLine });
  return 0;
}

/** @param {Record<string, unknown>} values */
function flags(values) {
  return Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, String(value)]));
}

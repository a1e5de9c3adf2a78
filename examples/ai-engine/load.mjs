/**
 * Drives the AI engine with real HTTP traffic: Poisson arrivals, or a recorded service's own.
 */
import { CommandError, UsageError, printJson, runCommand } from './lib/cli.mjs';
import { onStop } from './lib/lifecycle.mjs';
import { poissonArrivals, replayArrivals } from './load/arrivals.mjs';
import { startProgress, summaryText } from './load/report.mjs';
import { runLoad } from './load/run.mjs';
import { createSender } from './load/send.mjs';
import { LoadTally } from './load/tally.mjs';
import { describeTrace } from './load/trace.mjs';

/** @type {import('./lib/cli.mjs').CommandSpec} */
const spec = {
  name: 'load',
  summary: 'Sends real HTTP traffic to the AI engine, open loop, and says what came back.',
  options: {
    url: { type: 'string', value: 'URL', help: 'the AI engine', default: 'http://127.0.0.1:8787' },
    rps: { type: 'number', help: 'requests a second on average', default: 10, min: 0.01, max: 10_000 },
    seconds: {
      type: 'number',
      value: 'S',
      help: 'how long, 0 until stopped (or the end of the replay) [default 30; with --replay 0]',
      max: 1e7,
    },
    replay: {
      type: 'string',
      value: 'FILE',
      help: 'arrivals and token counts from a CSV (TIMESTAMP,ContextTokens,GeneratedTokens)',
    },
    compress: { type: 'number', help: 'replay this many times faster', default: 10, min: 0.001, max: 1e6 },
    'stream-share': { type: 'number', value: 'SHARE', help: 'share of streaming requests', default: 0.5, max: 1 },
    seed: { type: 'number', help: 'same seed, same requests', default: 1, integer: true },
    'max-in-flight': {
      type: 'number',
      help: 'beyond it arrivals are skipped and counted',
      default: 2000,
      min: 1,
      integer: true,
    },
    'grace-seconds': { type: 'number', value: 'S', help: 'how long the last answers may take', default: 20, max: 3600 },
    json: { type: 'boolean', help: 'print the summary as one JSON line' },
    quiet: { type: 'boolean', help: 'no progress' },
  },
  examples: [
    'node load.mjs --rps 50 --seconds 60',
    'node load.mjs --url http://127.0.0.1:8787 --seconds 10 --json',
    'node load.mjs --replay ../../../shared/data/azure-llm/AzureLLMInferenceTrace_conv.csv --compress 20',
  ],
};

await runCommand(spec, async (options) => {
  if (!URL.canParse(options.url)) throw new UsageError(`--url must be a URL; got '${options.url}'`);
  const arrivals = await arrivalsOf(options);
  const tally = new LoadTally();
  const sender = createSender(options.url);
  const stop = new AbortController();
  onStop((reason) => stop.abort(reason));

  const stopProgress = options.quiet ? () => {} : startProgress(tally);
  let seconds;
  try {
    seconds = await runLoad({
      arrivals,
      send: sender.send,
      tally,
      maxInFlight: options.maxInFlight,
      graceMs: options.graceSeconds * 1000,
      stop: stop.signal,
    });
  } finally {
    stopProgress();
    sender.close();
  }

  const summary = tally.summary(seconds);
  if (options.json) printJson(summary);
  else process.stdout.write(summaryText(summary));
  if (tally.completed > 0 && tally.byStatus['0'] === tally.completed) {
    const types = Object.keys(tally.errorsByType).join(', ');
    throw new CommandError(
      `${options.url} never answered (${types}). Hint: start it with 'node start.mjs', or check --url.`,
    );
  }
  // A run cut short by Ctrl-C says so to a script; its summary is out all the same.
  return stop.signal.reason === 'SIGINT' ? 130 : 0;
});

/** @param {Record<string, any>} options */
async function arrivalsOf({ replay, compress, seconds, ...options }) {
  if (replay === undefined) return poissonArrivals({ ...common(options), rps: options.rps, seconds: seconds ?? 30 });
  const found = await describeTrace(replay);
  if (!options.quiet) {
    const span = Math.round(found.spanMs / 1000);
    process.stderr.write(
      `load: ${found.arrivals} arrivals in ${span} s, replayed in ${Math.round(span / compress)} s; ` +
        `${found.inputTokens} tokens in, ${found.outputTokens} out\n`,
    );
  }
  return replayArrivals({ ...common(options), file: replay, compress, seconds: seconds ?? 0 });
}

/** @param {Record<string, any>} options */
function common({ seed, streamShare }) {
  return { seed, streamShare };
}

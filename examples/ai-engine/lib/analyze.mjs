/**
 * `POST /analyze`: one document in, one analysis out, whole or as a stream.
 */
import { randomUUID } from 'node:crypto';
import { captureException } from 'tallylight';
import { readJsonObject } from './body.mjs';
import { withDeadline } from './deadline.mjs';
import { ClientGone, ModelError, toHttpError } from './errors.mjs';
import { parseAnalysisRequest } from './analysis-request.mjs';
import { openEventStream, sendJson } from './respond.mjs';
import { retryOnceWhenLimited } from './retry.mjs';
import { OPERATION } from './telemetry.mjs';

/**
 * @param {import('./service.mjs').Exchange} exchange
 * @param {import('./service.mjs').ServiceOptions} options
 */
export async function analyze(exchange, options) {
  const analysis = parseAnalysisRequest(await readJsonObject(exchange.request, options.maxBodyBytes));
  const context = {
    analysisId: randomUUID(),
    documentId: analysis.documentId,
    model: options.model.model,
    startedAt: performance.now(),
  };
  const limits = {
    ms: options.timeoutMs,
    parent: exchange.signal,
    reason: () => new ModelError('TimeoutError', `The model did not finish within ${options.timeoutMs} ms.`),
  };
  const what = { analysisId: context.analysisId, inputSize: analysis.prompt.text.length };
  const report = reporter({ ...what, model: options.model.model, operation: OPERATION });
  try {
    await withDeadline(limits, async (signal) => {
      const retry = { signal, maxWaitMs: options.maxRetryWaitMs, onRetry: options.onModelRetry };
      const call = { signal, ...what };
      if (analysis.stream) {
        const chunks = await retryOnceWhenLimited(() => options.model.openStream(analysis.prompt, call), retry);
        await streamAnswer(exchange, chunks, context, signal, report);
      } else {
        const answer = await retryOnceWhenLimited(() => options.model.generate(analysis.prompt, call), retry);
        const { startedAt, ...names } = context;
        sendJson(exchange.response, 200, { ...names, ...answer, durationMs: elapsed(startedAt) });
      }
    });
  } catch (error) {
    report(error);
    throw error;
  }
}

/**
 * Reports what failed by our fault or the model's, with what the analysis was about; never the document itself.
 * @param {{ analysisId: string, model: string, operation: string, inputSize: number }} context
 */
function reporter(context) {
  return (/** @type {unknown} */ error) => {
    if (!(error instanceof ClientGone) && toHttpError(error).status >= 500) captureException(error, { context });
  };
}

/**
 * The status line goes out with the first chunk, so that a model that fails before it still gets an honest status.
 * A failure after it is an `error` event.
 * @param {import('./service.mjs').Exchange} exchange
 * @param {AsyncIterable<import('../model-client.mjs').ModelChunk>} chunks
 * @param {{ analysisId: string, documentId: string | undefined, model: string, startedAt: number }} context
 * @param {AbortSignal} signal
 * @param {(error: unknown) => void} report
 */
async function streamAnswer(exchange, chunks, { startedAt, ...names }, signal, report) {
  /** @type {ReturnType<typeof openEventStream> | undefined} */
  let events;
  let last = {};
  try {
    for await (const { text, usage, finishReason } of chunks) {
      if (!events) {
        events = openEventStream(exchange.request, exchange.response, signal);
        await events.send('start', names);
      }
      if (text) await events.send('chunk', { text });
      last = { ...last, ...(usage && { usage }), ...(finishReason && { finishReason }) };
    }
    if (!events) throw new ModelError('BadResponse', 'The model answered an empty stream.');
  } catch (error) {
    if (!events) throw error;
    exchange.fail(error);
    report(error);
    if (exchange.response.closed) return;
    const { name: type, message } = toHttpError(error);
    // A slow reader must not hold back the end: no waiting for it here.
    void events.send('error', { error: { type, message } }).catch(() => {});
    events.end();
    return;
  }
  await events.send('done', { ...last, durationMs: elapsed(startedAt) });
  events.end();
}

/** @param {number} startedAt */
function elapsed(startedAt) {
  return Math.round((performance.now() - startedAt) * 1000) / 1000;
}

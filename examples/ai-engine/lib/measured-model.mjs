/**
 * The model client with its calls measured: duration, errors by type, tokens, time to first chunk.
 *
 * Invariant: each request sent to the model ends in exactly one record. A call given up because our client left is
 * recorded without an error (leaving it out would hide the slow ones, which are the ones people leave) and counted.
 */
import { ClientGone } from './errors.mjs';

/**
 * @typedef {import('../model-client.mjs').ModelRequest} ModelRequest
 * @typedef {import('../model-client.mjs').ModelAnswer} ModelAnswer
 * @typedef {import('../model-client.mjs').ModelChunk} ModelChunk
 * @typedef {Pick<import('../model-client.mjs').GeminiClient, 'model' | 'generate' | 'openStream'>} ModelClient
 */

/**
 * @param {ModelClient} client
 * @param {import('./telemetry.mjs').ModelInstruments} instruments
 * @returns {ModelClient}
 */
export function measureModel(client, instruments) {
  /** @param {import('../model-client.mjs').Usage} usage */
  const recordTokens = ({ inputTokens, outputTokens }) => {
    instruments.inputTokens.record(inputTokens);
    instruments.outputTokens.record(outputTokens);
  };

  /**
   * @param {import('tallylight').Timer} timer
   * @param {unknown} error
   */
  const recordFailure = (timer, error) => {
    if (error instanceof ClientGone) {
      timer.end();
      instruments.cancelled.increment();
    } else {
      timer.fail(error);
    }
  };

  /**
   * @param {AsyncIterable<ModelChunk>} chunks
   * @param {import('tallylight').Timer} timer
   * @param {number} startedAt
   * @returns {AsyncGenerator<ModelChunk>}
   */
  async function* measureStream(chunks, timer, startedAt) {
    let chunkCount = 0;
    let complete = false;
    /** @type {unknown} */
    let failure;
    /** @type {import('../model-client.mjs').Usage | undefined} */
    let usage;
    try {
      for await (const chunk of chunks) {
        if (chunkCount === 0) instruments.firstChunk.record((performance.now() - startedAt) / 1000);
        chunkCount += 1;
        usage = chunk.usage ?? usage;
        yield chunk;
      }
      complete = true;
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      // Neither complete nor failed: whoever read us has left the loop.
      if (complete) timer.end();
      else recordFailure(timer, failure ?? new ClientGone('the reader stopped'));
      if (complete && usage) recordTokens(usage);
    }
  }

  return {
    model: client.model,

    async generate(request, options) {
      const timer = instruments.call.start();
      try {
        const answer = await client.generate(request, options);
        timer.end();
        recordTokens(answer.usage);
        return answer;
      } catch (error) {
        recordFailure(timer, error);
        throw error;
      }
    },

    async openStream(request, options) {
      const startedAt = performance.now();
      const timer = instruments.call.start();
      try {
        return measureStream(await client.openStream(request, options), timer, startedAt);
      } catch (error) {
        recordFailure(timer, error);
        throw error;
      }
    },
  };
}

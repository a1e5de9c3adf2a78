/**
 * The model client with its calls tracked: duration, errors by type, tokens and time to first chunk as metrics, and a
 * span in the trace that says what each call was for.
 *
 * Invariant: each request sent to the model ends in exactly one record. A call given up because our client left is
 * recorded without an error (leaving it out would hide the slow ones, which are the ones people leave) and counted.
 */
import { ClientGone } from './errors.mjs';

/**
 * @typedef {import('../model-client.mjs').ModelRequest} ModelRequest
 * @typedef {import('../model-client.mjs').ModelAnswer} ModelAnswer
 * @typedef {import('../model-client.mjs').ModelChunk} ModelChunk
 *
 * @typedef {object} CallOptions
 * @property {AbortSignal} signal
 * @property {string} [analysisId] what the call is part of
 * @property {number} [inputSize] characters of the document
 *
 * @typedef {object} ModelClient
 * @property {string} model
 * @property {(request: ModelRequest, options: CallOptions) => Promise<ModelAnswer>} generate
 * @property {(request: ModelRequest, options: CallOptions) => Promise<AsyncIterable<ModelChunk>>} openStream
 */

/**
 * @param {import('../model-client.mjs').GeminiClient} client
 * @param {import('./telemetry.mjs').ModelInstruments} instruments
 * @returns {ModelClient}
 */
export function measureModel(client, instruments) {
  /** @param {unknown} error */
  const isFailure = (error) => !(error instanceof ClientGone);

  /**
   * Counts a call that our own client gave up; the call itself is recorded by whoever tracks it.
   * @param {unknown} error
   */
  const countIfGone = (error) => {
    if (!isFailure(error)) instruments.cancelled.increment();
  };

  /**
   * Tells the tokens of a stream that is complete: the chunks before the last say what is used so far.
   * @param {AsyncIterable<ModelChunk>} chunks
   * @param {import('tallylight').ModelCall} call
   * @returns {AsyncGenerator<ModelChunk>}
   */
  async function* tellTokens(chunks, call) {
    let isOver = false;
    /** @type {import('../model-client.mjs').Usage | undefined} */
    let usage;
    try {
      for await (const chunk of chunks) {
        usage = chunk.usage ?? usage;
        yield chunk;
      }
      isOver = true;
      call.tokens(usage?.inputTokens, usage?.outputTokens);
    } catch (error) {
      isOver = true;
      countIfGone(error);
      throw error;
    } finally {
      // Neither complete nor failed: whoever read us has left the loop.
      if (!isOver) instruments.cancelled.increment();
    }
  }

  return {
    model: client.model,

    generate: (request, { signal, ...what }) =>
      instruments.track({ ...what, isFailure }, async (call) => {
        try {
          const answer = await client.generate(request, { signal });
          call.tokens(answer.usage.inputTokens, answer.usage.outputTokens);
          return answer;
        } catch (error) {
          countIfGone(error);
          throw error;
        }
      }),

    openStream: (request, { signal, ...what }) =>
      instruments.track({ ...what, isFailure }, async (call) => {
        try {
          return tellTokens(await client.openStream(request, { signal }), call);
        } catch (error) {
          countIfGone(error);
          throw error;
        }
      }),
  };
}

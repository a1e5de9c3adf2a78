/**
 * Gemini's wire format as its server writes it: answers, chunks, errors.
 */

/** What the stub counts as one token. Its own answers are made of such tokens, so they count exactly. */
export const CHARACTERS_PER_TOKEN = 4;

const SAMPLE =
  'The film opens on a rail yard at dusk. Two brothers argue over a letter, and one of them leaves for the coast. ' +
  'A winter passes in a few cuts; the harbour freezes, the letter is read at last, and nobody is blamed for it. ';

/**
 * The text of tokens `from` to `to` of an endless answer.
 * @param {number} from
 * @param {number} to
 */
export function sampleText(from, to) {
  const start = (from * CHARACTERS_PER_TOKEN) % SAMPLE.length;
  const length = (to - from) * CHARACTERS_PER_TOKEN;
  return SAMPLE.repeat(Math.ceil((start + length) / SAMPLE.length)).slice(start, start + length);
}

/**
 * @param {{ contents?: { parts?: { text?: string }[] }[] }} request
 */
export function countInputTokens({ contents = [] }) {
  let characters = 0;
  for (const { parts = [] } of contents) for (const { text = '' } of parts) characters += text.length;
  return Math.max(1, Math.ceil(characters / CHARACTERS_PER_TOKEN));
}

/**
 * @param {object} answer
 * @param {string} answer.text
 * @param {string} answer.model
 * @param {string} answer.responseId
 * @param {number} answer.inputTokens
 * @param {number} [answer.outputTokens] absent while the answer is not complete
 * @param {string} [answer.finishReason]
 */
export function answerBody({ text, model, responseId, inputTokens, outputTokens, finishReason }) {
  return {
    candidates: [{ content: { parts: [{ text }], role: 'model' }, ...(finishReason && { finishReason }), index: 0 }],
    usageMetadata: {
      promptTokenCount: inputTokens,
      ...(outputTokens !== undefined && { candidatesTokenCount: outputTokens }),
      totalTokenCount: inputTokens + (outputTokens ?? 0),
      promptTokensDetails: [{ modality: 'TEXT', tokenCount: inputTokens }],
    },
    modelVersion: model,
    responseId,
  };
}

/** @type {Record<number, string>} */
const STATUS_NAMES = {
  400: 'INVALID_ARGUMENT',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
};

/**
 * @param {number} code
 * @param {string} message
 * @param {object[]} [details]
 */
export function errorBody(code, message, details) {
  return { error: { code, message, status: STATUS_NAMES[code] ?? 'UNKNOWN', ...(details && { details }) } };
}

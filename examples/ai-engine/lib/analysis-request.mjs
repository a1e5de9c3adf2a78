/**
 * What `POST /analyze` accepts, checked, and the prompt made of it.
 */
import { HttpError } from './errors.mjs';

/** What Gemini itself counts on average; the stub counts exactly so. */
export const CHARACTERS_PER_TOKEN = 4;
const MAX_INPUT_TOKENS = 200_000;
const MAX_OUTPUT_TOKENS = 65_536;
const MAX_DOCUMENT_ID = 200;

const INSTRUCTION =
  'You are the analysis engine of a film archive. Summarise the document in three sentences, then name its people, ' +
  'places and dates.';

const FILLER = 'The camera holds on an empty street while rain starts to fall; nobody speaks, and the light goes. ';

/**
 * @typedef {object} Analysis
 * @property {string | undefined} documentId
 * @property {boolean} stream
 * @property {import('../model-client.mjs').ModelRequest} prompt
 */

/**
 * @param {Record<string, unknown>} body
 * @returns {Analysis}
 */
export function parseAnalysisRequest(body) {
  const { documentId, text, inputTokens, outputTokens, stream = false } = body;
  if (documentId !== undefined && (typeof documentId !== 'string' || documentId.length > MAX_DOCUMENT_ID)) {
    throw invalid(`documentId must be a text of at most ${MAX_DOCUMENT_ID} characters.`);
  }
  if (typeof stream !== 'boolean') throw invalid('stream must be true or false.');
  if (outputTokens !== undefined && !isCount(outputTokens, MAX_OUTPUT_TOKENS)) {
    throw invalid(`outputTokens must be a whole number from 1 to ${MAX_OUTPUT_TOKENS}.`);
  }
  return {
    documentId,
    stream,
    prompt: { instruction: INSTRUCTION, text: documentText(text, inputTokens), outputTokens },
  };
}

/**
 * @param {unknown} text
 * @param {unknown} inputTokens
 */
function documentText(text, inputTokens) {
  if ((text === undefined) === (inputTokens === undefined)) {
    throw invalid('Send either text (the document) or inputTokens (a document of that size is made up).');
  }
  if (text !== undefined) {
    if (typeof text !== 'string' || text.trim() === '') throw invalid('text must be a text that is not empty.');
    return text;
  }
  if (!isCount(inputTokens, MAX_INPUT_TOKENS)) {
    throw invalid(`inputTokens must be a whole number from 1 to ${MAX_INPUT_TOKENS}.`);
  }
  const length = inputTokens * CHARACTERS_PER_TOKEN;
  return FILLER.repeat(Math.ceil(length / FILLER.length)).slice(0, length);
}

/**
 * @param {unknown} value
 * @param {number} max
 * @returns {value is number}
 */
function isCount(value, max) {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max;
}

/** @param {string} message */
function invalid(message) {
  return new HttpError(400, 'InvalidRequest', message);
}

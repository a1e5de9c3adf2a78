/**
 * The model's API key, from wherever Tallylight finds the secret: a variable here, a file or AWS in production.
 */
import { NotFoundError, TallylightError, getSecret, withSecret } from 'tallylight';
import { CommandError } from './cli.mjs';
import { ModelError } from './errors.mjs';

/** The secret; on a developer's machine also the variable GEMINI_API_KEY. */
const KEY = 'cineview-gemini-api';

/** @typedef {<T>(call: (apiKey?: string) => Promise<T>) => Promise<T>} WithKey */

/**
 * How the model is called with its key: when the key is refused it is read once more, and if it was rotated the call
 * is made once more. Without a key, where the model needs none, it is called without.
 * @param {string} modelUrl
 * @returns {Promise<WithKey>}
 */
export async function findModelKey(modelUrl) {
  const needed = new URL(modelUrl).hostname.endsWith('googleapis.com');
  try {
    await getSecret(KEY);
  } catch (error) {
    if (!(error instanceof TallylightError)) throw error;
    if (needed) {
      throw new CommandError(
        `the Gemini API needs a key: ${error.message}. Hint: set GEMINI_API_KEY, or leave GEMINI_BASE_URL unset for the stub.`,
      );
    }
    if (!(error instanceof NotFoundError)) process.stderr.write(`server: calling the model without a key: ${error.message}\n`);
    return (call) => call();
  }
  return async (call) => {
    try {
      return await withSecret(KEY, (secret) => call(secret.reveal()), { isRefused: isAuthError });
    } catch (error) {
      if (!(error instanceof TallylightError)) throw error;
      throw new ModelError('AuthError', `There is no key to call the model with: ${error.message}`, { cause: error });
    }
  };
}

/** @param {unknown} error */
function isAuthError(error) {
  return error instanceof ModelError && error.name === 'AuthError';
}

/** The settings of the secret cache, checked for what TypeScript cannot. */

import { InvalidConfigError } from './errors.js';
import type { SecretsSettings } from './native.js';
import { isUnicode, NO_UNICODE } from './secret-request.js';

/**
 * Settings of the secret cache; each also has an environment variable (`TALLYLIGHT_SECRETS_TTL_MS`,
 * `TALLYLIGHT_SECRETS_REGION`...), which holds where the option is not given. Times are milliseconds.
 */
export interface SecretsOptions {
  /**
   * The sources that may answer, all unless told. Their order is fixed: override, file, aws,
   * environment; the last answers in development only.
   */
  readonly sources?: readonly ('override' | 'file' | 'aws' | 'environment')[] | undefined;
  /** How long a value is fresh, spread by a tenth either way; 1 h unless told. */
  readonly ttl?: number | undefined;
  /** How old a value may be that is served while its source is out of order; 24 h unless told. */
  readonly maxStale?: number | undefined;
  /** How long a call waits at most; 5 s unless told. */
  readonly deadline?: number | undefined;
  /** How long one attempt at AWS may take; 2 s unless told. */
  readonly attemptTimeout?: number | undefined;
  /** How long the value before a rotation is kept where its source keeps none; 10 min unless told. */
  readonly previousGrace?: number | undefined;
  /** Calls to AWS at one time; 8 unless told. */
  readonly concurrency?: number | undefined;
  /** Secrets kept, 1,000 unless told; past it the least recently used go. */
  readonly maxEntries?: number | undefined;
  /** Bytes of values kept, 16 MiB unless told; past it the least recently used go. */
  readonly maxBytes?: number | undefined;
  /** The region; as the AWS SDK finds it unless told. */
  readonly region?: string | undefined;
  /** A region with replicas, asked when the first fails with a 5xx, a time-out or no connection. */
  readonly secondRegion?: string | undefined;
  /** What stands in for AWS's own endpoints, such as a private endpoint. */
  readonly endpoint?: string | undefined;
  /** A role to assume for secrets of another account. */
  readonly roleArn?: string | undefined;
  /** The external id that this role asks for. */
  readonly externalId?: string | undefined;
  /** Further variables (and with `_FILE`, files) in which a secret is found, by its name. */
  readonly aliases?: Readonly<Record<string, string | readonly string[]>> | undefined;
  /** Secrets of this service beside the built-in ones, for `prefetchSecrets` and the command line. */
  readonly declared?: readonly string[] | undefined;
  /** Where to keep a sealed copy, so that a restart during an outage starts all the same. */
  readonly cacheFile?: string | undefined;
  /** What it is sealed with: 32 bytes, or their base64 or hex. */
  readonly cacheKey?: string | Uint8Array | undefined;
}

type Check = (value: unknown) => unknown;

/** What a check answers for a value that will not do. */
const WRONG = Symbol('wrong');

const number: Check = (value) => (Number.isSafeInteger(value) && (value as number) >= 0 ? value : WRONG);
const text: Check = (value) => (typeof value === 'string' ? value : WRONG);
const texts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');

const aliases: Check = (value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return WRONG;
  const checked = Object.entries(value).map(([name, alias]) => [name, typeof alias === 'string' ? [alias] : alias] as const);
  return checked.every(([, list]) => texts(list)) ? Object.fromEntries(checked) : WRONG;
};

const key: Check = (value) => {
  if (!(value instanceof Uint8Array)) return text(value);
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
};

/** Whether every text in it is the same for the core. */
function isWholeUnicode(value: unknown): boolean {
  if (typeof value === 'string') return isUnicode(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([name, one]) => isUnicode(name) && isWholeUnicode(one));
}

const OPTIONS: { readonly [option in keyof SecretsOptions]-?: readonly [check: Check, wanted: string] } = {
  sources: [(value) => (texts(value) ? value.join(',') : WRONG), 'a list such as ["file", "aws"]'],
  ttl: [number, 'a whole number'],
  maxStale: [number, 'a whole number'],
  deadline: [number, 'a whole number'],
  attemptTimeout: [number, 'a whole number'],
  previousGrace: [number, 'a whole number'],
  concurrency: [number, 'a whole number'],
  maxEntries: [number, 'a whole number'],
  maxBytes: [number, 'a whole number'],
  region: [text, 'text'],
  secondRegion: [text, 'text'],
  endpoint: [text, 'text'],
  roleArn: [text, 'text'],
  externalId: [text, 'text'],
  aliases: [aliases, 'an object such as { "prod/db": ["DB_PASSWORD"] }'],
  declared: [(value) => (texts(value) ? value : WRONG), 'a list of names'],
  cacheFile: [text, 'text'],
  cacheKey: [key, '32 bytes, or their base64 or hex'],
};

/**
 * The settings as the core takes them.
 *
 * @throws InvalidConfigError for an unknown option or a value of a wrong type, without the value
 *
 * @internal
 */
export function checkedSecrets(given: unknown): SecretsSettings {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new InvalidConfigError('the option secrets must be an object, such as { ttl: 600000 }');
  }
  const settings: { [option: string]: unknown } = {};
  for (const [option, value] of Object.entries(given)) {
    if (!Object.hasOwn(OPTIONS, option)) {
      throw new InvalidConfigError(
        `init has no option ${JSON.stringify(`secrets.${option}`)}; secrets knows ${Object.keys(OPTIONS).join(', ')}`,
      );
    }
    if (value === undefined) continue;
    const [check, wanted] = OPTIONS[option as keyof SecretsOptions];
    const checked = check(value);
    if (checked === WRONG) throw new InvalidConfigError(`the option secrets.${option} must be ${wanted}`);
    if (!isWholeUnicode(checked)) throw new InvalidConfigError(`the option secrets.${option} ${NO_UNICODE}`);
    settings[option] = checked;
  }
  return settings as SecretsSettings;
}

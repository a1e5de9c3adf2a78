/** What is asked of a secret, checked for what TypeScript cannot. */

import { InvalidNameError, InvalidValueError } from './errors.js';
import type { SecretRequest } from './native.js';

/** A secret's name or ARN; the ones every service here has come up as suggestions. */
export type SecretName =
  | 'cineview-supabase-service-role'
  | 'cineview-ai-engine-api'
  | 'cineview-gemini-api'
  // Not `string`, which would swallow the suggestions.
  | (string & {});

/** What of a secret, and how new it has to be. */
export interface SecretOptions {
  /** One key of a JSON secret, as in {@link Secret.jsonKey}. */
  readonly key?: string | undefined;
  /** The version with this stage; `AWSCURRENT` when neither stage nor version is given. */
  readonly stage?: string | undefined;
  /** The version with this id. */
  readonly version?: string | undefined;
  /** How old the value may be, in milliseconds; an older one is refreshed first. */
  readonly maxAge?: number | undefined;
  /** How long to wait at most, in milliseconds, instead of the configured 5 s. */
  readonly deadline?: number | undefined;
}

/** The options of a call that reads from the source. */
export type RefreshOptions = Omit<SecretOptions, 'maxAge'>;
/** The options of a call about the current version. */
export type CurrentOptions = Omit<SecretOptions, 'stage' | 'version'>;
/** The options of a call that does not wait. */
export type PeekOptions = Omit<SecretOptions, 'deadline'>;

type Option = keyof SecretOptions;

/** @internal */
export const GET: readonly Option[] = ['key', 'stage', 'version', 'maxAge', 'deadline'];
/** @internal */
export const REFRESH: readonly Option[] = ['key', 'stage', 'version', 'deadline'];
/** @internal */
export const CURRENT: readonly Option[] = ['key', 'maxAge', 'deadline'];
/** @internal */
export const PEEK: readonly Option[] = ['key', 'stage', 'version', 'maxAge'];

/** Longest deadline, as the core's settings bound it. */
const LONGEST_DEADLINE = 600_000;

/**
 * The name, if it is text; whether it can be a name the core says.
 *
 * @internal
 */
export function checkedName(name: unknown): string {
  if (typeof name !== 'string') {
    throw new InvalidNameError(`a secret's name must be text, not ${described(name)}; give its name or its ARN`);
  }
  if (isUnicode(name)) return name;
  throw new InvalidNameError(`a secret's name ${NO_UNICODE}`);
}

/** Half of a pair of UTF-16: on the way to the core it would become another text. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** @internal */
export const NO_UNICODE = 'holds a lone surrogate; give text that encodes as UTF-8';

/**
 * Whether a text is the same for the core, which takes Unicode alone.
 *
 * @internal
 */
export function isUnicode(text: string): boolean {
  return !LONE_SURROGATE.test(text);
}

/**
 * The request as the core takes it. `more` are options that are not the core's.
 *
 * @throws InvalidNameError, InvalidValueError
 *
 * @internal
 */
export function checkedRequest(
  call: string,
  name: unknown,
  options: unknown,
  known: readonly Option[],
  more: readonly string[] = [],
): SecretRequest {
  const request: { name: string; [option: string]: unknown } = { name: checkedName(name) };
  if (options === undefined) return request as unknown as SecretRequest;
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidValueError(`the options of ${call} must be an object such as { key: "password" }, not ${described(options)}`);
  }
  for (const [option, value] of Object.entries(options)) {
    if (more.includes(option) || (value === undefined && known.includes(option as Option))) continue;
    if (!known.includes(option as Option)) {
      throw new InvalidValueError(`${call} has no option ${JSON.stringify(cut(option))}; it knows ${[...known, ...more].join(', ')}`);
    }
    request[option] = checkedOption(call, option as Option, value);
  }
  return request as unknown as SecretRequest;
}

function checkedOption(call: string, option: Option, value: unknown): unknown {
  if (option === 'maxAge' || option === 'deadline') {
    const [low, high] = option === 'deadline' ? [1, LONGEST_DEADLINE] : [0, Number.MAX_SAFE_INTEGER];
    if (typeof value === 'number' && value >= low && value <= high) return value;
    const range = option === 'deadline' ? `from ${low} to ${high}` : 'from 0 upwards';
    throw new InvalidValueError(`the option ${option} of ${call} must be a number of milliseconds ${range}, not ${described(value)}`);
  }
  if (typeof value !== 'string' || value === '') {
    throw new InvalidValueError(`the option ${option} of ${call} must be text, not ${described(value)}`);
  }
  if (isUnicode(value)) return value;
  throw new InvalidValueError(`the option ${option} of ${call} ${NO_UNICODE}`);
}

/** What a wrong value is, without repeating it: it may be the secret. Numbers tell nothing. */
function described(value: unknown): string {
  if (value === null) return 'null';
  if (value === '') return 'empty';
  return typeof value === 'number' ? String(value) : Array.isArray(value) ? 'an array' : typeof value;
}

function cut(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}

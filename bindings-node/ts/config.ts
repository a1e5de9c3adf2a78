/** The settings of `init`, checked for what TypeScript cannot. */

import { InvalidConfigError } from './errors.js';
import { checkedErrors } from './events/settings.js';
import type { FaceOptions } from './events/settings.js';
import type { Settings } from './native.js';
import { checkedSecrets } from './secret-settings.js';
import type { Options } from './types.js';

const TYPES: { readonly [option in keyof Options]-?: 'string' | 'number' | 'errors' | 'secrets' } = {
  environment: 'string',
  service: 'string',
  release: 'string',
  maxSeries: 'number',
  maxMemoryBytes: 'number',
  maxWindowBytes: 'number',
  tickMs: 'number',
  errors: 'errors',
  secrets: 'secrets',
};

/** Options that were checked, each on its side. */
interface Checked {
  readonly settings: Settings;
  /** Of the errors, what stays in JavaScript. */
  readonly face: FaceOptions;
}

/**
 * The settings as the core takes them, and those that stay here.
 *
 * @throws InvalidConfigError for an unknown option or a value of a wrong type
 *
 * @internal
 */
export function checkedSettings(options: unknown): Checked {
  if (options === undefined) return { settings: {}, face: {} };
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidConfigError('init takes an object of options, such as { service: "checkout" }');
  }
  const settings: { [option: string]: unknown } = {};
  let face: FaceOptions = {};
  for (const [option, value] of Object.entries(options)) {
    const type = Object.hasOwn(TYPES, option) ? TYPES[option as keyof Options] : undefined;
    if (type === undefined) {
      throw new InvalidConfigError(`init has no option ${JSON.stringify(option)}; it knows ${Object.keys(TYPES).join(', ')}`);
    }
    if (value === undefined) continue;
    if (type === 'errors') {
      const checked = checkedErrors(value);
      settings[option] = checked.native;
      face = checked.face;
      continue;
    }
    if (type === 'secrets') {
      settings[option] = checkedSecrets(value);
      continue;
    }
    if (typeof value !== type || (type === 'number' && !(Number.isSafeInteger(value) && (value as number) >= 0))) {
      throw new InvalidConfigError(`the option ${option} must be ${type === 'number' ? 'a whole number' : 'text'}`);
    }
    settings[option] = value;
  }
  return { settings: settings as Settings, face };
}

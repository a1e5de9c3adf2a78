/** Breadcrumbs of `console`: what was printed before an error. */

import { inspect } from 'node:util';

import { keepBreadcrumb } from '../capture.js';
import { faceOptions, firstOf } from '../face.js';
import { currentIsolationScope } from '../scope.js';
import type { Level } from '../types.js';

const METHODS = { debug: 'debug', log: 'info', info: 'info', warn: 'warning', error: 'error', trace: 'debug' } as const satisfies {
  readonly [method: string]: Level;
};

type Method = keyof typeof METHODS;

/** Characters of a breadcrumb's message; a longer line says no more. */
const LONGEST = 2_048;

/** Short enough that printing an object twice costs little; nothing of the object's own runs. */
const SHORT = { depth: 1, maxArrayLength: 10, maxStringLength: 200, breakLength: Infinity, customInspect: false } as const;

let isInside = false;

/** Leaves a breadcrumb at each call. What is printed stays as it is. */
export function watchConsole(): void {
  if (!firstOf('console')) return;
  for (const method of Object.keys(METHODS) as Method[]) {
    const print: unknown = console[method];
    if (typeof print !== 'function') continue;
    const watched = {
      [method](this: unknown, ...args: unknown[]): unknown {
        note(method, args);
        return Reflect.apply(print, this, args);
      },
    }[method];
    console[method] = watched as typeof console.log;
  }
}

function note(method: Method, args: readonly unknown[]): void {
  // A hook that prints would come back here.
  if (isInside || !isOn()) return;
  isInside = true;
  try {
    const message = textOfAll(args);
    keepBreadcrumb(currentIsolationScope(), { category: 'console', level: METHODS[method], message }, { input: args });
  } catch {
    // What cannot be looked at is printed all the same, or fails there as it always did.
  } finally {
    isInside = false;
  }
}

function isOn(): boolean {
  const { breadcrumbs } = faceOptions();
  return typeof breadcrumbs === 'object' ? breadcrumbs.console !== false : breadcrumbs !== false;
}

function textOfAll(args: readonly unknown[]): string {
  let text = '';
  for (const arg of args) {
    if (text !== '') text += ' ';
    text += typeof arg === 'string' ? (arg.length > LONGEST ? arg.slice(0, LONGEST) : arg) : inspect(arg, SHORT);
    if (text.length >= LONGEST) return text.slice(0, LONGEST);
  }
  return text;
}

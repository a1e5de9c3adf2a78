/**
 * Remembers the handle for a name and its labels, so that asking for it on every request costs a
 * few map look-ups instead of a native call.
 *
 * Invariant: bounded, whatever labels come. Two generations of at most `LIMIT` entries each
 * are held; when the young one is full, the old one is forgotten and the young one becomes old.
 * What is in use moves back to the young one, so a flood of one-off labels does not push it out for
 * long.
 */

import type { Labels } from './types.js';

/** Entries of one generation. */
const LIMIT = 4096;
/** Characters of names, keys and values in one generation. */
const CHARACTERS = 1 << 20;
/** Longer texts are not remembered: the core cuts such values, and hashing them costs more than it saves. */
const LONGEST = 256;

/** A step of the path name, key, value, key, value... */
interface Step<Handle> {
  handle: Handle | undefined;
  next: Map<string, Step<Handle>> | undefined;
}

type Generation<Handle> = Map<string, Step<Handle>>;

/** Handles by name and labels. */
export class Memo<Handle> {
  #young: Generation<Handle> = new Map();
  #old: Generation<Handle> = new Map();
  #entries = 0;
  #characters = 0;

  /** The remembered handle. What is no name or no labels finds nothing, and does not throw. */
  find(name: string, labels: Labels | undefined): Handle | undefined {
    try {
      const handle = walk(this.#young, name, labels);
      if (handle !== undefined || this.#old.size === 0) return handle;
      const kept = walk(this.#old, name, labels);
      if (kept !== undefined) this.add([name, ...Object.entries(labels ?? {}).flat().map(String)], kept);
      return kept;
    } catch {
      // Labels of null, or a proxy that refuses: for the caller to refuse in turn.
      return undefined;
    }
  }

  /** Remembers `handle` under the path name, key, value, key, value... */
  add(path: readonly string[], handle: Handle): void {
    if (path.some((text) => text.length > LONGEST)) return;
    if (this.#entries >= LIMIT || this.#characters >= CHARACTERS) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#entries = 0;
      this.#characters = 0;
    }
    let steps = this.#young;
    let step: Step<Handle> | undefined;
    for (const text of path) {
      if (step !== undefined) steps = step.next ??= new Map();
      step = steps.get(text);
      if (step === undefined) {
        step = { handle: undefined, next: undefined };
        steps.set(owned(text), step);
        this.#characters += text.length;
      }
    }
    if (step !== undefined) step.handle = handle;
    this.#entries += 1;
  }
}

function walk<Handle>(generation: Generation<Handle>, name: string, labels: Labels | undefined): Handle | undefined {
  let step = generation.get(name);
  if (labels === undefined || step === undefined) return step?.handle;
  for (const key of Object.keys(labels)) {
    const value: unknown = labels[key];
    const text = typeof value === 'string' ? value : isScalar(value) ? String(value) : undefined;
    if (text === undefined) return undefined;
    step = step.next?.get(key)?.next?.get(text);
    if (step === undefined) return undefined;
  }
  return step.handle;
}

function isScalar(value: unknown): value is number | boolean {
  return typeof value === 'number' || typeof value === 'boolean';
}

/**
 * The same text in memory of its own. A text cut out of a larger one (a label from a request body,
 * say) keeps all of the larger one alive in V8; a property key does not.
 */
export function owned(text: string): string {
  return Object.keys({ [text]: 0 })[0] ?? text;
}

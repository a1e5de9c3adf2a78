/**
 * What capturing errors needs to know in one isolate: the settings, what was captured already, which
 * hooks are in place.
 *
 * All copies of the package in an isolate meet here, as they do in `session.ts`, so that an error is
 * captured once and a hook is installed once, whichever copy was asked.
 */

import type { EffectiveErrors } from '../native.js';
import { session } from '../session.js';
import type { FaceOptions } from './settings.js';

/** The record on `globalThis`, one an isolate. */
interface Face {
  options: FaceOptions;
  /** What holds in the core; read again after `init`. */
  effective: EffectiveErrors | undefined;
  /** The ids of the events of objects that were captured; an empty one was not sent. */
  readonly captured: WeakMap<object, string>;
  /** Events whose `beforeSend` is under way. */
  readonly pending: Set<Promise<void>>;
  /** The hooks that are in place. */
  readonly hooks: Set<string>;
  /** Complaints that were made already. */
  readonly warned: Set<string>;
}

/** It changes when the record does, and copies that differ then stay apart. */
const MEETING = Symbol.for('tallylight.errors.1');

let known: Face | undefined;

/** This isolate's record. */
export function face(): Face {
  return (known ??= meet());
}

function meet(): Face {
  const shared = globalThis as { [MEETING]?: Face };
  const met = shared[MEETING];
  if (met !== undefined) return met;
  const made: Face = {
    options: {},
    effective: undefined,
    captured: new WeakMap(),
    pending: new Set(),
    hooks: new Set(),
    warned: new Set(),
  };
  Object.defineProperty(shared, MEETING, { value: made });
  return made;
}

/** The settings that stay in JavaScript. */
export function faceOptions(): FaceOptions {
  return face().options;
}

/** Takes in what `init` was given; what it was not given stays. The core's settings are read anew. */
export function setFaceOptions(options: FaceOptions): void {
  const record = face();
  record.options = { ...record.options, ...options };
  record.effective = undefined;
}

/** The settings that hold in the core. */
export function effective(): EffectiveErrors {
  const record = face();
  return (record.effective ??= session().native.effectiveErrors());
}

/** Whether a hook is to be installed: true once. */
export function firstOf(hook: string): boolean {
  const { hooks } = face();
  if (hooks.has(hook)) return false;
  hooks.add(hook);
  return true;
}

/** Tells the developer once of something that goes wrong where no error can be thrown. */
export function warnOnce(about: string, message: string): void {
  const { warned } = face();
  if (warned.has(about)) return;
  warned.add(about);
  process.emitWarning(message, 'TallylightWarning');
}

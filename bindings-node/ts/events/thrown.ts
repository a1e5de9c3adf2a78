/**
 * What was thrown, as Sentry's exceptions: one for the value, one for each cause and each member of a
 * group, the innermost first.
 *
 * People throw texts, null, frozen and cyclic objects, proxies that throw when they are looked at, and
 * chains of ten thousand causes. Every one becomes an event; nothing here throws.
 */

import { types } from 'node:util';

import { framesOf } from './frames.js';
import { classOf, plainObject, textOf, UNREADABLE } from './plain.js';
import type { Plain } from './plain.js';
import type { ExceptionValue, Frame, Mechanism } from './types.js';

/** Exceptions of one event; of a longer chain the first ones and the root remain. */
const MOST = 50;
/** Causes that are walked past to find the root. */
const WALKED = 100_000;

/** How the value came to be captured. */
export interface Manner {
  readonly type: string;
  readonly handled: boolean;
}

/** A value that was thrown, for an event. */
export interface Thrown {
  /** The innermost cause first; its last one is the value itself. */
  readonly values: ExceptionValue[];
  /** Further causes and members that were left out. */
  readonly omitted: number;
  /** Facts that belong to the event: what the system said, or the members of a thrown object. */
  readonly contexts: Record<string, Record<string, Plain>> | undefined;
}

/** One of the values, before it has its place. */
interface Node {
  readonly error: unknown;
  readonly source: string | undefined;
  readonly parent: number | undefined;
}

/** Whether a value is an error, of whatever realm. */
export function isError(value: unknown): value is Error {
  if (typeof value !== 'object' || value === null) return false;
  try {
    return types.isNativeError(value) || value instanceof Error;
  } catch {
    return false;
  }
}

/** Reads a property; undefined where that throws. */
function read(value: object, key: string): unknown {
  try {
    return (value as { [key: string]: unknown })[key];
  } catch {
    return undefined;
  }
}

/** The type and message of a value. */
export function describe(error: unknown): { type: string; value: string } {
  if (typeof error !== 'object' || error === null) {
    return { type: error === null ? 'null' : typeof error, value: textOf(error) };
  }
  const message = read(error, 'message');
  if (isError(error) || typeof message === 'string') {
    return { type: typeName(error), value: typeof message === 'string' ? textOf(message) : messageOf(message) };
  }
  return { type: typeName(error), value: keysOf(error) };
}

function messageOf(message: unknown): string {
  return message === undefined || message === null ? '' : textOf(message);
}

/** An error's own name, else its class's: a class that extends `Error` inherits the name `Error`. */
function typeName(error: object): string {
  const name = read(error, 'name');
  if (typeof name === 'string' && name !== '' && name !== 'Error') return name;
  return types.isProxy(error) && name === undefined ? 'Proxy' : classOf(error);
}

function keysOf(error: object): string {
  try {
    const keys = Object.keys(error);
    if (keys.length === 0) return 'an object without properties was thrown';
    const shown = keys.slice(0, 20).map((key) => (key.length > 50 ? `${key.slice(0, 50)}...` : key));
    return `an object with the properties ${shown.join(', ')}${keys.length > 20 ? '...' : ''} was thrown`;
  } catch {
    return 'an object that cannot be read was thrown';
  }
}

/**
 * The exceptions of a value. `synthetic` is the stack's text of where it was captured, for a value
 * that brings none.
 */
export function exceptionsOf(error: unknown, manner: Manner, synthetic: () => string | undefined): Thrown {
  const { nodes, omitted } = walk(error);
  const values: ExceptionValue[] = [];
  for (let id = 0; id < nodes.length; id++) values.push(exceptionOf(nodes[id]!, id, nodes.length > 1, manner));
  const first = values[0]!;
  if (first.stacktrace === undefined) {
    const frames = stackFrames(synthetic(), '');
    if (frames !== undefined) first.stacktrace = { frames };
    first.mechanism!.synthetic = true;
  }
  return { values: values.reverse(), omitted, contexts: contextsOf(error) };
}

function exceptionOf(node: Node, id: number, isTree: boolean, manner: Manner): ExceptionValue {
  const { error } = node;
  const { type, value } = describe(error);
  const mechanism: Mechanism = { type: node.parent === undefined ? manner.type : 'chained', handled: manner.handled };
  if (isTree) {
    mechanism.exception_id = id;
    if (node.parent !== undefined) mechanism.parent_id = node.parent;
    if (node.source !== undefined) mechanism.source = node.source;
    if (membersOf(error) !== undefined) mechanism.is_exception_group = true;
  }
  const exception: ExceptionValue = { type, value, mechanism };
  if (typeof error === 'object' && error !== null) {
    const stack = read(error, 'stack');
    const frames = typeof stack === 'string' ? stackFrames(stack, headOf(stack, value)) : undefined;
    if (frames !== undefined) exception.stacktrace = { frames };
  }
  return exception;
}

function stackFrames(stack: string | undefined, head: string): Frame[] | undefined {
  if (stack === undefined) return undefined;
  const frames = framesOf(stack, head);
  return frames.length === 0 ? undefined : (frames as Frame[]);
}

/** The part of a stack's text before its frames: the name and message as V8 wrote them. */
function headOf(stack: string, message: string): string {
  if (message === '') return '';
  const at = stack.indexOf(message);
  // A name of more than a line would be no name.
  return at >= 0 && at <= 200 ? stack.slice(0, at + message.length) : '';
}

/** The members of an `AggregateError`, or of what is built like one. */
function membersOf(error: unknown): readonly unknown[] | undefined {
  if (!isError(error)) return undefined;
  const errors = read(error, 'errors');
  if (!Array.isArray(errors) || errors.length === 0) return undefined;
  try {
    // Of a validation error, say, `errors` holds other things.
    return errors.some(isError) ? errors : undefined;
  } catch {
    return undefined;
  }
}

/** The cause, unless there is none: `cause: undefined` is no cause, `cause: null` is one. */
function causeOf(error: unknown): { cause: unknown } | undefined {
  if (typeof error !== 'object' || error === null || !(isError(error) || typeof read(error, 'stack') === 'string')) return undefined;
  const cause = read(error, 'cause');
  return cause === undefined ? undefined : { cause };
}

/** The value, its causes and members, the nearest first. */
function walk(error: unknown): { nodes: Node[]; omitted: number } {
  const nodes: Node[] = [{ error, source: undefined, parent: undefined }];
  const seen = new Set<unknown>([error]);
  let omitted = 0;
  for (let at = 0; at < nodes.length; at++) {
    const node = nodes[at]!;
    const cause = causeOf(node.error);
    const children: Omit<Node, 'parent'>[] = cause === undefined ? [] : [{ error: cause.cause, source: 'cause' }];
    const members = membersOf(node.error);
    for (let i = 0; i < Math.min(members?.length ?? 0, MOST); i++) children.push({ error: member(members!, i), source: `errors[${i}]` });
    omitted += Math.max(0, (members?.length ?? 0) - MOST);
    for (const child of children) {
      if (isSeen(seen, child.error)) continue;
      if (nodes.length < MOST - 1) {
        nodes.push({ ...child, parent: at });
      } else {
        const rest = rootOf(child.error, seen);
        omitted += rest.passed;
        if (nodes.length < MOST) nodes.push({ error: rest.root, source: child.source, parent: at });
        else omitted += 1;
      }
    }
    if (nodes.length >= MOST) return { nodes, omitted };
  }
  return { nodes, omitted };
}

function member(members: readonly unknown[], at: number): unknown {
  try {
    return members[at];
  } catch {
    return UNREADABLE;
  }
}

/** The last cause of a chain, and how many lie before it. */
function rootOf(error: unknown, seen: Set<unknown>): { root: unknown; passed: number } {
  let root = error;
  let passed = 0;
  for (; passed < WALKED; passed++) {
    const next = causeOf(root);
    if (next === undefined || isSeen(seen, next.cause)) break;
    root = next.cause;
  }
  return { root, passed };
}

/** A text or number may be there twice, an object would be a cycle. */
function isSeen(seen: Set<unknown>, error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  if (seen.has(error)) return true;
  seen.add(error);
  return false;
}

/** What a failed system call says beside its message. */
const SYSTEM = ['code', 'errno', 'syscall', 'address', 'port', 'path', 'dest'];

function contextsOf(error: unknown): Thrown['contexts'] {
  if (typeof error !== 'object' || error === null) return undefined;
  if (!isError(error)) return { thrown: plainObject(error) };
  if (typeof read(error, 'syscall') !== 'string') return undefined;
  const facts: { [key: string]: Plain } = {};
  for (const key of SYSTEM) {
    const fact = read(error, key);
    if (typeof fact === 'string' || typeof fact === 'number') facts[key] = fact;
  }
  return { node_system_error: facts };
}

/**
 * Stack frames out of the text of `error.stack`.
 *
 * The text, and not V8's call sites: it is there for every error, also for one that came from another
 * thread, and what maps it to its sources (`--enable-source-maps`) has done so by then. Frames carry
 * what the core needs to look at the file later (`abs_path`, `lineno`, `colno`); nothing here
 * touches the disk.
 */

import { owned } from '../memo.js';
import type { Frame } from './types.js';

/** Frames of one stack that are read, from the top; V8 makes ten unless told otherwise. */
const MOST = 250;
/** Lines that are remembered; a service fails in few places, many times. */
const REMEMBERED = 1_000;
/** A longer line is a `data:` URL or the like. */
const LONGEST = 2_048;

const LINE = /^\s+at (async )?(?:(.*?) \((.*)\)|(.*))$/;
const PLACE = /^(.*?)(?::(\d+))?(?::(\d+))?$/;
const WINDOWS = /^[a-zA-Z]:[\\/]/;
const DEPENDENCY = /[\\/]node_modules[\\/]/;

let memory = new Map<string, Readonly<Frame>>();
let root: string | undefined;

/**
 * The frames of a stack's text, the oldest call first; `head` is what stands before them, the
 * error's name and message, where that is known: a message may look like frames itself.
 *
 * The frames are shared between events: copy them before they are changed.
 */
export function framesOf(stack: string, head: string): readonly Readonly<Frame>[] {
  const frames: Readonly<Frame>[] = [];
  let at = head !== '' && stack.startsWith(head) ? head.length : startOf(stack);
  while (at < stack.length && frames.length < MOST) {
    let end = stack.indexOf('\n', at);
    if (end < 0) end = stack.length;
    if (end > at) {
      const frame = frameOf(stack.slice(at, end));
      if (frame !== undefined) frames.push(frame);
    }
    at = end + 1;
  }
  return frames.reverse();
}

/** Where the frames begin in a stack whose head changed since: at the first line like one. */
function startOf(stack: string): number {
  const first = /\n {4}at /.exec(stack);
  return first === null ? 0 : first.index;
}

function frameOf(line: string): Readonly<Frame> | undefined {
  const known = memory.get(line);
  if (known !== undefined) return known;
  const frame = parse(line.length > LONGEST ? line.slice(0, LONGEST) : line);
  if (frame === undefined) return undefined;
  if (memory.size >= REMEMBERED) memory = new Map();
  // Not the line itself, which keeps the whole stack's text alive.
  if (line.length <= LONGEST) memory.set(owned(line), frame);
  return frame;
}

function parse(line: string): Readonly<Frame> | undefined {
  const parts = LINE.exec(line);
  if (parts === null) return undefined;
  const [, , call, inner, bare] = parts;
  // An eval's own place is of no use to a reader; where it stands is.
  const outer = inner?.startsWith('eval at ') ? /\((?!eval at )([^()]+:\d+:\d+)\)/.exec(inner)?.[1] : undefined;
  const where = outer ?? inner ?? bare ?? '';
  const [, path = '', lineno, colno] = PLACE.exec(where) ?? [];
  const name = call === undefined ? undefined : call.replace(/^new /, 'new ').replace(/ \[as [^\]]+\]$/, '');
  if (lineno === undefined) return placeless(name ?? (inner === undefined ? bare : undefined), where);
  const file = filePath(path);
  return {
    function: name === undefined || name === '' ? '<anonymous>' : name,
    ...whereabouts(file),
    lineno: Number(lineno),
    ...(colno === undefined ? undefined : { colno: Number(colno) }),
  };
}

/** `at Promise.all (index 0)`, `at native`, `at new Promise (<anonymous>)`. */
function placeless(name: string | undefined, where: string): Readonly<Frame> | undefined {
  if (name === undefined || name === '') return undefined;
  const filename = where === 'native' || where.startsWith('index ') || where === name ? '<anonymous>' : where;
  return { function: name, filename, in_app: false };
}

function filePath(path: string): string {
  if (!path.startsWith('file://')) return path;
  try {
    const { pathname } = new URL(path);
    const decoded = decodeURIComponent(pathname);
    return WINDOWS.test(decoded.slice(1)) ? decoded.slice(1) : decoded;
  } catch {
    return path.slice('file://'.length);
  }
}

function whereabouts(path: string): Frame {
  if (path.startsWith('/') || WINDOWS.test(path) || path.startsWith('\\\\')) {
    const filename = belowRoot(path);
    const module = moduleOf(filename);
    return { filename, abs_path: path, ...(module === '' ? undefined : { module }), in_app: !DEPENDENCY.test(path) };
  }
  // A part of Node, WebAssembly, code from a text, or what a bundler calls its sources by.
  const isForeign = path.startsWith('node:') || path.startsWith('wasm:') || path === '<anonymous>' || path === 'native';
  return { filename: path, abs_path: path, in_app: !isForeign && !DEPENDENCY.test(path) };
}

/** The path below the folder that the process was started in, else the whole path. */
function belowRoot(path: string): string {
  root ??= rootFolder();
  return root !== '' && path.startsWith(root) ? path.slice(root.length) : path;
}

function rootFolder(): string {
  try {
    const folder = process.cwd();
    return folder === '/' ? folder : folder + (folder.includes('\\') ? '\\' : '/');
  } catch {
    // It was removed.
    return '';
  }
}

/** A name for a file that stays the same from host to host: `express.lib:router`. */
function moduleOf(filename: string): string {
  const path = filename.replace(/\\/g, '/');
  const inner = path.lastIndexOf('/node_modules/');
  const below = inner >= 0 ? path.slice(inner + '/node_modules/'.length) : path.replace(/^node_modules\//, '');
  const parts = below.replace(/^\/+/, '').split('/');
  const file = (parts.pop() ?? '').replace(/\.[cm]?[jt]sx?$/, '');
  return parts.length === 0 ? file : `${parts.join('.')}:${file}`;
}

/**
 * Watches a model's stream without changing it for whoever reads it.
 *
 * Called by `trackModelCall` with what its function answered. An async iterable stays the object that
 * it is, methods and all; only its iteration is watched. Whoever leaves the loop early ends the call.
 */

import type { ModelCall } from './model-call.js';

type Run = <R>(work: () => R) => R;

/** The same stream, watched; undefined for what is none. */
export function watchStream(value: unknown, call: ModelCall, run: Run): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  if (typeof ReadableStream !== 'undefined' && value instanceof ReadableStream) return watchReadable(value, call);
  const iterate: unknown = (value as { [Symbol.asyncIterator]?: unknown })[Symbol.asyncIterator];
  if (typeof iterate !== 'function') return undefined;
  return watchIterable(value, iterate as () => AsyncIterator<unknown>, call, run);
}

/** What nobody ever reads ends with its object. */
const unread = new FinalizationRegistry<ModelCall>((call) => call.giveUp());

function watchIterable(target: object, iterate: () => AsyncIterator<unknown>, call: ModelCall, run: Run): object {
  const methods = new Map<unknown, unknown>();
  const watched: object = new Proxy(target, {
    get(_, name) {
      if (name === Symbol.asyncIterator) return () => watchIterator(Reflect.apply(iterate, target, []), call, run);
      // A generator is its own iterator.
      if (name === 'next' || name === 'return' || name === 'throw') {
        if (typeof (target as { next?: unknown }).next === 'function') own ??= watchIterator(target as AsyncIterator<unknown>, call, run);
        const method: unknown = (own as { [name: string]: unknown } | undefined)?.[name] ?? Reflect.get(target, name, target);
        return typeof method === 'function' && own !== undefined ? method.bind(own) : method;
      }
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      // On the stream itself: private fields are not on a proxy.
      let bound = methods.get(member);
      if (bound === undefined) methods.set(member, (bound = member.bind(target)));
      return bound;
    },
  });
  let own: AsyncIterator<unknown> | undefined;
  unread.register(watched, call);
  return watched;
}

function watchIterator(inner: AsyncIterator<unknown>, call: ModelCall, run: Run): AsyncIterator<unknown> & AsyncIterable<unknown> {
  const step = async (take: () => Promise<IteratorResult<unknown>>): Promise<IteratorResult<unknown>> => {
    let result: IteratorResult<unknown>;
    try {
      result = await run(take);
    } catch (error) {
      call.fail(error);
      throw error;
    }
    if (result.done === true) call.succeed();
    else call.chunk();
    return result;
  };
  return {
    next: (...sent: [] | [unknown]) => step(() => inner.next(...(sent as []))),
    async return(value?: unknown) {
      try {
        const { return: leave } = inner;
        if (leave === undefined) return { done: true, value };
        return await run(() => Reflect.apply(leave, inner, [value]) as Promise<IteratorResult<unknown>>);
      } finally {
        // After the stream's own end this is too late to count.
        call.giveUp();
      }
    },
    async throw(error?: unknown) {
      const { throw: fail } = inner;
      if (fail !== undefined) return step(() => Reflect.apply(fail, inner, [error]) as Promise<IteratorResult<unknown>>);
      call.giveUp();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function watchReadable(stream: ReadableStream<unknown>, call: ModelCall): ReadableStream<unknown> {
  const reader = stream.getReader();
  return new ReadableStream<unknown>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) {
            call.chunk();
            controller.enqueue(value);
            return;
          }
          call.succeed();
          controller.close();
        } catch (error) {
          call.fail(error);
          controller.error(error);
        }
      },
      async cancel(reason) {
        call.giveUp();
        await reader.cancel(reason);
      },
    },
    // Nothing is read ahead of whoever reads.
    { highWaterMark: 0 },
  );
}

/**
 * Watches what a timed function returned, without changing it for the caller.
 *
 * Two things must survive: an unhandled rejection stays unhandled (another handler on the same
 * promise would hide it), and a lazy thenable (a query builder, say) runs exactly once, when the
 * caller asks for it.
 */

type Then = (this: unknown, fulfilled?: unknown, rejected?: unknown) => unknown;

/** What is told of the end, once. */
export interface Outcome {
  succeeded(): void;
  failed(error: unknown): void;
}

const plainThen = Promise.prototype.then;

/**
 * Returns `result`, or for a plain promise its continuation, and tells `outcome` when it is
 * settled; for anything that is not thenable at once.
 */
export function observe<T>(result: T, outcome: Outcome): T {
  if ((typeof result !== 'object' && typeof result !== 'function') || result === null) {
    outcome.succeeded();
    return result;
  }
  const told = once(outcome);
  try {
    return watch(result, told) as T;
  } catch {
    // A proxy that refuses to be asked, or an object that only looks like a promise.
    told.succeeded();
    return result;
  }
}

function watch(result: object, outcome: Outcome): unknown {
  const then = (result as { then?: unknown }).then;
  if (typeof then !== 'function') {
    outcome.succeeded();
    return result;
  }
  if (!(result instanceof Promise)) return watchThenable(result, then as Then, outcome);
  if (isPlain(result)) {
    return plainThen.call(
      result,
      (value: unknown) => {
        outcome.succeeded();
        return value;
      },
      (error: unknown) => {
        outcome.failed(error);
        throw error;
      },
    );
  }
  // Under way, and with methods of its own (execa's, say): it must stay the same object.
  plainThen.call(result, () => outcome.succeeded(), (error: unknown) => outcome.failed(error));
  return result;
}

/** A promise that nobody can tell from its continuation; Node itself puts symbols on promises. */
function isPlain(promise: Promise<unknown>): boolean {
  return (
    Object.getPrototypeOf(promise) === Promise.prototype && Object.getOwnPropertyNames(promise).length === 0
  );
}

/** A thenable may be lazy, so it is asked only when the caller asks it. */
function watchThenable(thenable: object, then: Then, outcome: Outcome): object {
  const watched: Then = function (this: unknown, fulfilled, rejected) {
    return Reflect.apply(then, this, [
      function (this: unknown, ...values: unknown[]) {
        outcome.succeeded();
        return typeof fulfilled === 'function' ? Reflect.apply(fulfilled, this, values) : values[0];
      },
      function (this: unknown, ...errors: unknown[]) {
        outcome.failed(errors[0]);
        if (typeof rejected === 'function') return Reflect.apply(rejected, this, errors);
        throw errors[0];
      },
    ]);
  };
  const enumerable = Object.prototype.propertyIsEnumerable.call(thenable, 'then');
  const property = { value: watched, configurable: true, writable: true, enumerable };
  // What cannot be watched, a frozen object, counts as done when it was returned.
  if (!Reflect.defineProperty(thenable, 'then', property)) outcome.succeeded();
  return thenable;
}

function once(outcome: Outcome): Outcome {
  let told = false;
  return {
    succeeded() {
      if (told) return;
      told = true;
      outcome.succeeded();
    },
    failed(error) {
      if (told) return;
      told = true;
      outcome.failed(error);
    },
  };
}

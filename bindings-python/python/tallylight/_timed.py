"""What ``@op.timed`` and ``op.time(function)`` do with each sort of function.

A plain function becomes a native object. Coroutines and generators are wrapped here, each in a
function of its own sort, so that a framework which asks what a function is gets the same answer.
The native half calls :func:`timed`, :func:`call` and :func:`resolve`, and nothing else does.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Coroutine

from ._function_kind import _ASYNC_GENERATOR, _COROUTINE, _GENERATOR, _ITERABLE_COROUTINE, _flags
from ._native import TimedFunction, default

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from typing import Any

    from ._native import Operation, Timer


def timed(operation: Operation, function: Any) -> Any:
    """``function`` with every call of it timed."""
    if isinstance(function, (classmethod, staticmethod)):
        return type(function)(timed(operation, function.__func__))
    if isinstance(function, type) or not callable(function):
        raise TypeError(
            f"@op.timed times a function or a method, not {function!r}; "
            "for anything else use `with op.time():`"
        )
    flags = _flags(function)
    wrapper: Any
    if flags & _ITERABLE_COROUTINE:
        wrapper = types.coroutine(_generator(operation, function))
    elif flags & _COROUTINE:
        wrapper = _coroutine(operation, function)
    elif flags & _GENERATOR:
        wrapper = _generator(operation, function)
    elif flags & _ASYNC_GENERATOR:
        wrapper = _async_generator(operation, function)
    else:
        wrapper = TimedFunction(operation, function)
    return functools.update_wrapper(wrapper, function)


def _coroutine(operation: Operation, function: Callable[..., Any]) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        with operation.time():
            return await function(*args, **kwargs)

    return wrapper


def _generator(operation: Operation, function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with operation.time():
            return (yield from function(*args, **kwargs))

    return wrapper


def _async_generator(operation: Operation, function: Callable[..., Any]) -> Callable[..., Any]:
    # What `yield from` does for a generator has to be spelt out for an asynchronous one.
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        with operation.time():
            inner = function(*args, **kwargs)
            try:
                step = inner.__anext__()
                while True:
                    value = await step
                    try:
                        sent = yield value
                    except GeneratorExit:
                        await inner.aclose()
                        raise
                    except BaseException as error:
                        step = inner.athrow(error)
                    else:
                        step = inner.asend(sent)
            except StopAsyncIteration:
                return

    return wrapper


def call(operation: Operation, function: Callable[[], Any]) -> Any:
    """Calls ``function`` and times it; a coroutine that it returns is timed until it ends."""
    timer = operation.start()
    try:
        result = function()
    except BaseException as error:
        # As at the end of a block: not every exception is a failure.
        timer.__exit__(type(error), error, None)
        raise
    if isinstance(result, Coroutine):
        return _finish(timer, result)
    timer.end()
    return result


async def _finish(timer: Timer, coroutine: Coroutine[Any, Any, Any]) -> Any:
    try:
        result = await coroutine
    except BaseException as error:
        timer.__exit__(type(error), error, None)
        raise
    timer.end()
    return result


def resolve(factory: str, name: str, labels: dict[str, str], options: dict[str, Any]) -> Any:
    """The handle that a pickled one stands for, in the process that loads it."""
    return getattr(default, factory)(name, labels, **options)

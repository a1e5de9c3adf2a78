"""``@op.timed``: results, exceptions and metadata unchanged, every call counted once."""

from __future__ import annotations

import asyncio
import copy
import functools
import inspect
import pickle
import threading
import types
import weakref
from collections.abc import AsyncGenerator, Generator
from typing import Any, get_type_hints

import pytest
from conftest import series

import tallylight

at_module_level = tallylight.operation("at module level")


@at_module_level.timed
def doubled(number: int, *, plus: int = 0) -> int:
    """Twice the number."""
    return 2 * number + plus


doubled.note = "kept"  # type: ignore[attr-defined]


def test_results_arguments_and_exceptions_pass_unchanged(name: str) -> None:
    operation, error = tallylight.operation(name), KeyError("x")

    @operation.timed
    def work(a: Any, *rest: Any, b: Any = 2, **more: Any) -> Any:
        if a is error:
            raise error
        return a, rest, b, more

    assert work(1) == (1, (), 2, {})
    assert work(1, 2, 3, b=4, c=5) == (1, (2, 3), 4, {"c": 5})
    with pytest.raises(KeyError) as raised:
        work(error)
    assert raised.value is error
    assert [entry.name for entry in raised.traceback][-1] == "work"
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        work()  # type: ignore[call-arg]
    row = series(name)
    assert (row["count"], row["errorsByType"]) == (4, {"KeyError": 1, "TypeError": 1})


def test_an_exception_keeps_its_cause_and_context(name: str) -> None:
    @tallylight.operation(name).timed
    def work() -> None:
        try:
            raise LookupError("inner")
        except LookupError as error:
            raise ValueError("outer") from error

    with pytest.raises(ValueError, match="outer") as raised:
        work()
    assert isinstance(raised.value.__cause__, LookupError)


def test_a_broken_exception_class_counts_as_other(name: str) -> None:
    class Meta(type):
        @property
        def __name__(cls) -> str:  # type: ignore[override]
            raise RuntimeError

    class Odd(Exception, metaclass=Meta):
        pass

    operation = tallylight.operation(name)

    @operation.timed
    def work() -> None:
        raise Odd

    with pytest.raises(Odd):
        work()
    with pytest.raises(Odd), operation.time():
        raise Odd
    assert series(name)["errors"] == 2


def test_metadata_is_kept() -> None:
    assert doubled.__name__ == "doubled"
    assert doubled.__qualname__ == "doubled"
    assert doubled.__module__ == __name__
    assert doubled.__doc__ == "Twice the number."
    assert doubled.note == "kept"  # type: ignore[attr-defined]
    assert doubled.__wrapped__(4) == 8  # type: ignore[attr-defined]
    assert inspect.signature(doubled) == inspect.signature(doubled.__wrapped__)  # type: ignore[attr-defined]
    assert get_type_hints(doubled) == {"number": int, "plus": int, "return": int}
    assert "doubled" in repr(doubled)


def test_a_timed_function_is_taken_for_a_function() -> None:
    assert isinstance(doubled, types.FunctionType)
    assert inspect.isfunction(doubled)
    assert inspect.isroutine(doubled)
    assert not inspect.iscoroutinefunction(doubled)
    assert doubled.__code__.co_name == "doubled"
    assert doubled.__kwdefaults__ == {"plus": 0}
    with pytest.raises(AttributeError, match="nothing"):
        doubled.nothing  # type: ignore[attr-defined]


def test_a_timed_function_pickles_by_name_and_copies_as_itself() -> None:
    assert pickle.loads(pickle.dumps(doubled)) is doubled
    assert copy.copy(doubled) is doubled
    assert copy.deepcopy(doubled) is doubled
    assert weakref.ref(doubled)() is doubled


class Service:
    timings = tallylight.operation("methods")

    @timings.timed
    def method(self, number: int = 0) -> tuple[object, int]:
        return self, number

    @timings.timed
    @classmethod
    def outer_class_method(cls) -> type:
        return cls

    @classmethod
    @timings.timed
    def inner_class_method(cls) -> type:
        return cls

    @timings.timed
    @staticmethod
    def outer_static_method(number: int) -> int:
        return number

    @staticmethod
    @timings.timed
    def inner_static_method(number: int) -> int:
        return number

    @property
    @timings.timed
    def value(self) -> object:
        return self

    @timings.timed
    async def coroutine_method(self) -> object:
        return self


class Derived(Service):
    def method(self, number: int = 0) -> tuple[object, int]:
        return super().method(number + 1)


def test_methods_of_every_sort_are_timed() -> None:
    service, derived = Service(), Derived()
    before = series("methods")["count"]
    assert service.method(3) == (service, 3)
    assert Service.method(service, number=4) == (service, 4)
    bound = service.method
    assert bound(5) == (service, 5)
    assert bound.__self__ is service  # type: ignore[attr-defined]
    assert derived.method(1) == (derived, 2)
    assert service.outer_class_method() is Service
    assert Derived.inner_class_method() is Derived
    assert service.outer_static_method(6) == 6
    assert Service.inner_static_method(7) == 7
    assert service.value is service
    assert asyncio.run(service.coroutine_method()) is service
    assert series("methods")["count"] == before + 10


def test_a_coroutine_is_timed_until_it_ends(name: str) -> None:
    operation = tallylight.operation(name)

    @operation.timed
    async def work(number: int) -> int:
        """Works."""
        await asyncio.sleep(0)
        if number < 0:
            raise ArithmeticError
        return number

    assert inspect.iscoroutinefunction(work)
    assert (work.__name__, work.__doc__) == ("work", "Works.")
    pending = work(3)
    assert series(name)["count"] == 0
    assert asyncio.run(pending) == 3
    with pytest.raises(ArithmeticError):
        asyncio.run(work(-1))
    assert (series(name)["count"], series(name)["errorsByType"]) == (2, {"ArithmeticError": 1})


def test_a_cancelled_coroutine_is_counted_and_no_failure(name: str) -> None:
    @tallylight.operation(name).timed
    async def work() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert (series(name)["count"], series(name)["errorsByType"]) == (1, {})


class Stopped(BaseException):
    """An exception of a program's own that is none of Python's ways to end well."""


@pytest.mark.parametrize(
    ("error", "errors"),
    [
        (GeneratorExit(), {}),
        (asyncio.CancelledError(), {}),
        (type("Ours", (asyncio.CancelledError,), {})(), {}),
        (SystemExit(), {}),
        (SystemExit(0), {}),
        (SystemExit(1), {"SystemExit": 1}),
        (SystemExit("no such file"), {"SystemExit": 1}),
        (KeyboardInterrupt(), {"KeyboardInterrupt": 1}),
        (Stopped(), {"Stopped": 1}),
        (type("CancelledError", (Exception,), {})(), {"CancelledError": 1}),
    ],
    ids=repr,
)
def test_which_exceptions_are_failures(name: str, error: BaseException, errors: Any) -> None:
    operation = tallylight.operation(name)

    def work() -> None:
        raise error

    async def eventually() -> None:
        raise error

    with pytest.raises(type(error)), operation.time():
        raise error
    with pytest.raises(type(error)):
        operation.time(work)
    with pytest.raises(type(error)):
        operation.timed(work)()
    for coroutine in (operation.time(eventually), operation.timed(eventually)()):
        with pytest.raises(type(error)):
            coroutine.send(None)
    row = series(name)
    assert row["count"] == 5
    assert row["errorsByType"] == {key: 5 * count for key, count in errors.items()}


def test_an_exit_that_the_interpreter_has_not_made_an_object_of_yet(name: str) -> None:
    import sys

    timed_exit = tallylight.operation(name).timed(sys.exit)
    for code in ((), (None,), (0,), (1,)):
        with pytest.raises(SystemExit):
            timed_exit(*code)
    assert (series(name)["count"], series(name)["errors"]) == (4, 1)


def test_a_generator_is_timed_until_it_ends(name: str) -> None:
    operation = tallylight.operation(name)

    @operation.timed
    def work(limit: int) -> Generator[int, str, str]:
        told = []
        for number in range(limit):
            try:
                told.append((yield number))
            except LookupError:
                told.append("caught")
        return ",".join(map(str, told))

    assert inspect.isgeneratorfunction(work)
    running = work(3)
    assert series(name)["count"] == 0
    assert next(running) == 0
    assert running.send("a") == 1
    assert running.throw(LookupError()) == 2
    with pytest.raises(StopIteration) as ended:
        running.send("b")
    assert ended.value.value == "a,caught,b"
    assert (series(name)["count"], series(name)["errors"]) == (1, 0)

    closed = work(3)
    next(closed)
    closed.close()
    assert (series(name)["count"], series(name)["errors"]) == (2, 0)

    thrown = work(3)
    next(thrown)
    with pytest.raises(ValueError, match="x"):
        thrown.throw(ValueError("x"))
    assert series(name)["errorsByType"] == {"ValueError": 1}


def test_an_async_generator_is_timed_until_it_ends(name: str) -> None:
    operation, seen = tallylight.operation(name), []

    @operation.timed
    async def work(limit: int) -> AsyncGenerator[int, str]:
        try:
            for number in range(limit):
                await asyncio.sleep(0)
                try:
                    seen.append((yield number))
                except LookupError:
                    seen.append("caught")
        finally:
            seen.append("closed")

    async def main() -> None:
        assert [number async for number in work(3)] == [0, 1, 2]

        running = work(3)
        assert await running.__anext__() == 0
        assert await running.asend("a") == 1
        assert await running.athrow(LookupError()) == 2
        with pytest.raises(StopAsyncIteration):
            await running.asend("b")

        closed = work(3)
        await closed.__anext__()
        await closed.aclose()
        assert seen[-1] == "closed"

        thrown = work(3)
        await thrown.__anext__()
        with pytest.raises(ValueError, match="x"):
            await thrown.athrow(ValueError("x"))

    assert inspect.isasyncgenfunction(work)
    asyncio.run(main())
    assert "a" in seen
    assert "caught" in seen
    assert series(name)["count"] == 4
    assert series(name)["errorsByType"] == {"ValueError": 1}


def test_a_generator_based_coroutine_stays_awaitable(name: str) -> None:
    @tallylight.operation(name).timed
    @types.coroutine
    def step() -> Generator[None, None, int]:
        yield
        return 5

    async def main() -> int:
        return await step()

    assert asyncio.run(main()) == 5
    assert series(name)["count"] == 1


def test_partials_callable_objects_and_builtins_are_timed(name: str) -> None:
    operation = tallylight.operation(name)

    class Callable:
        async def __call__(self) -> int:
            return 7

    async def work(number: int) -> int:
        return number

    assert operation.timed(len)([1, 2]) == 2
    assert operation.timed(functools.partial(pow, 2))(3) == 8
    assert asyncio.run(operation.timed(functools.partial(work, 6))()) == 6
    pending = operation.timed(Callable())()
    assert series(name)["count"] == 3
    assert asyncio.run(pending) == 7
    assert series(name)["count"] == 4


@pytest.mark.parametrize("wrong", [5, None, "text", Service, property(lambda self: 1)])
def test_what_is_no_function_is_a_type_error(wrong: Any) -> None:
    with pytest.raises(TypeError, match="times a function or a method"):
        at_module_level.timed(wrong)


def test_a_function_timed_twice_counts_in_both(name: str) -> None:
    inner, outer = tallylight.operation(name), tallylight.operation(f"{name} outer")

    @outer.timed
    @inner.timed
    def work() -> int:
        return 1

    assert work() == 1
    assert series(name)["count"] == series(f"{name} outer")["count"] == 1


def test_recursion_counts_every_call_and_still_has_its_limit(name: str) -> None:
    @tallylight.operation(name).timed
    def factorial(number: int) -> int:
        return number * factorial(number - 1) if number else 1

    assert factorial(50) == functools.reduce(int.__mul__, range(1, 51))
    assert series(name)["count"] == 51

    @tallylight.operation(f"{name} endless").timed
    def endless() -> None:
        endless()

    with pytest.raises(RecursionError):
        endless()
    row = series(f"{name} endless")
    assert row["errorsByType"] == {"RecursionError": row["count"]}


def test_a_cycle_through_a_timed_function_is_collected(name: str) -> None:
    import gc

    operation = tallylight.operation(name)

    def make() -> weakref.ref[Any]:
        @operation.timed
        def work() -> Any:
            return work

        return weakref.ref(work)

    reference = make()
    gc.collect()
    assert reference() is None


def test_threads_share_a_timed_function(name: str) -> None:
    @tallylight.operation(name).timed
    def work() -> None:
        pass

    def many() -> None:
        for _ in range(5_000):
            work()

    threads = [threading.Thread(target=many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert series(name)["count"] == 40_000

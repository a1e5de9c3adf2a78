"""``with op.time():``, ``op.start()`` and ``op.time(function)``: counted once, in any nesting."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest
from conftest import series

import tallylight


def test_a_block_is_recorded_once(name: str) -> None:
    operation = tallylight.operation(name)
    for _ in range(3):
        with operation.time():
            pass
    assert series(name)["count"] == 3
    assert series(name)["errors"] == 0


def test_a_block_that_raises_is_a_failure_of_that_type_and_the_exception_passes_on(
    name: str,
) -> None:
    operation, error = tallylight.operation(name), LookupError("x")
    with pytest.raises(LookupError) as raised, operation.time():
        raise error
    assert raised.value is error
    assert series(name)["errorsByType"] == {"LookupError": 1}


def test_a_block_left_by_a_closed_generator_is_a_success(name: str) -> None:
    operation = tallylight.operation(name)

    def rows():  # type: ignore[no-untyped-def]
        with operation.time():
            yield 1
            yield 2

    for _ in rows():  # type: ignore[no-untyped-call]
        break
    gc.collect()
    assert (series(name)["count"], series(name)["errors"]) == (1, 0)


def test_one_timer_serves_one_block_after_another(name: str) -> None:
    operation = tallylight.operation(name)
    with operation.time() as first:
        pass
    number = id(first)
    del first
    for _ in range(10):
        with operation.time() as again:
            assert id(again) == number
        del again


def test_a_timer_that_somebody_keeps_does_not_end_the_reuse(name: str) -> None:
    operation = tallylight.operation(name)
    kept = operation.start()
    numbers = set()
    for _ in range(10):
        with operation.time() as timer:
            numbers.add(id(timer))
        del timer
    kept.end()
    assert len(numbers) == 1
    assert id(kept) not in numbers
    assert series(name)["count"] == 11


def test_a_timer_in_use_is_never_lent_twice(name: str) -> None:
    operation = tallylight.operation(name)
    with operation.time() as outer, operation.time() as inner, operation.time() as innermost:
        assert len({id(outer), id(inner), id(innermost)}) == 3
    held = [operation.time() for _ in range(5)]
    assert len({id(timer) for timer in held}) == 5
    assert series(name)["count"] == 3


def test_nested_blocks_of_one_operation_last_as_long_as_they_last(name: str) -> None:
    operation = tallylight.operation(name)

    def depth(levels: int) -> None:
        with operation.time():
            if levels:
                depth(levels - 1)

    depth(49)
    assert series(name)["count"] == 50


def test_a_timer_entered_twice_counts_twice(name: str) -> None:
    operation = tallylight.operation(name)
    timer = operation.time()
    with timer, timer, timer:
        pass
    assert series(name)["count"] == 3
    with timer:
        pass
    assert series(name)["count"] == 4


def test_what_an_earlier_user_left_running_is_forgotten(name: str) -> None:
    operation = tallylight.operation(name)
    left = operation.time()
    left.__enter__()
    left.__enter__()
    del left
    with operation.time():
        pass
    assert series(name)["count"] == 1


def test_interleaved_tasks_each_have_their_timer(name: str) -> None:
    operation = tallylight.operation(name)

    async def work(number: int) -> None:
        with operation.time():
            for _ in range(number % 5 + 1):
                await asyncio.sleep(0)
            if number % 4 == 0:
                raise ValueError

    async def main() -> None:
        await asyncio.gather(*map(work, range(200)), return_exceptions=True)

    asyncio.run(main())
    assert series(name)["count"] == 200
    assert series(name)["errorsByType"] == {"ValueError": 50}


def test_threads_share_an_operation_and_lose_nothing(name: str) -> None:
    operation = tallylight.operation(name)

    def work() -> None:
        for _ in range(5_000):
            with operation.time():
                pass

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert series(name)["count"] == 40_000


def test_start_and_end_record_once(name: str) -> None:
    operation = tallylight.operation(name)
    timer = operation.start()
    timer.end()
    timer.end()
    timer.fail("Late")
    assert series(name)["count"] == 1
    assert series(name)["errors"] == 0


def test_end_and_fail_return_the_milliseconds_that_were_recorded(name: str) -> None:
    operation = tallylight.operation(name)
    timer = operation.start()
    took = timer.end()
    assert isinstance(took, float)
    assert took == series(name)["sum"] / 1e6
    assert timer.end() == took
    more = operation.start().fail("Late")
    assert series(name)["sum"] == round((took + more) * 1e6)
    with operation.time() as block:
        pass
    assert block.end() == pytest.approx(series(name)["sum"] / 1e6 - took - more)


def test_fail_takes_a_name_an_exception_or_a_class(name: str) -> None:
    operation = tallylight.operation(name)
    operation.start().fail("TimeoutError")
    operation.start().fail(TimeoutError("late"))
    operation.start().fail(TimeoutError)
    assert series(name)["errorsByType"] == {"TimeoutError": 3}


def test_a_failure_told_inside_a_block_takes_the_place_of_its_end(name: str) -> None:
    operation = tallylight.operation(name)
    with operation.time() as timer:
        timer.fail("NotFound")
    assert (series(name)["count"], series(name)["errorsByType"]) == (1, {"NotFound": 1})


def test_a_timer_never_ended_records_nothing(name: str) -> None:
    operation = tallylight.operation(name)
    operation.start()
    operation.time()
    gc.collect()
    assert series(name)["count"] == 0


def test_time_calls_a_function_and_returns_its_result(name: str) -> None:
    operation = tallylight.operation(name)
    assert operation.time(lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        operation.time(lambda: 1 / 0)
    assert (series(name)["count"], series(name)["errorsByType"]) == (2, {"ZeroDivisionError": 1})


def test_time_follows_a_coroutine_to_its_end(name: str) -> None:
    operation = tallylight.operation(name)

    async def answer() -> int:
        await asyncio.sleep(0)
        return 42

    async def fail() -> int:
        await asyncio.sleep(0)
        raise LookupError

    pending = operation.time(answer)
    assert series(name)["count"] == 0
    assert asyncio.run(pending) == 42
    with pytest.raises(LookupError):
        asyncio.run(operation.time(fail))
    assert (series(name)["count"], series(name)["errorsByType"]) == (2, {"LookupError": 1})


def test_a_duration_lies_between_what_was_slept_and_what_surrounds_it(name: str) -> None:
    import time

    operation = tallylight.operation(name)

    def nap() -> None:
        inner.append(-time.perf_counter_ns())
        time.sleep(0.01)
        inner[-1] += time.perf_counter_ns()

    timed, inner, outer = operation.timed(nap), [], []  # type: ignore[var-annotated]
    for _ in range(30):  # on both sides of the moment at which the clock settles
        outer.append(-time.perf_counter_ns())
        with operation.time():
            timed()
        outer[-1] += time.perf_counter_ns()
    row = series(name)
    assert row["count"] == 60
    assert 2 * sum(inner) * 0.999 <= row["sum"] <= 2 * sum(outer) * 1.001
    assert row["max"] <= max(outer) * 1.001

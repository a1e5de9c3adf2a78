"""What a type checker makes of the public API; checked by ``mypy --strict``, never run.

A ``type: ignore`` here is a test too: strict mode reports one that ignores nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from decimal import Decimal
from typing import Any, assert_type

import tallylight
from tallylight import Counter, Gauge, Histogram, Operation, Tallylight, Timer
from tallylight.documents import Drops, Kind, OperationRow, Snapshot, Status, WindowFigures

assert_type(tallylight.init(), Tallylight)
assert_type(tallylight.init(service="a", max_series=1, tick_ms=500), Tallylight)
tallylight.init("service")  # type: ignore[call-arg]
tallylight.init(serivce="a")  # type: ignore[call-arg]

operation = tallylight.operation("a", {"b": "c"}, kind="server")
assert_type(operation, Operation)
assert_type(tallylight.init().operation("a"), Operation)
assert_type(tallylight.counter("a", unit="USD", scale=1e6, description="b"), Counter)
assert_type(tallylight.gauge("a", {"b": "c"}), Gauge)
assert_type(tallylight.histogram("a", scale=10), Histogram)
tallylight.operation("a", kind="web")  # type: ignore[arg-type]
tallylight.operation("a", {"b": 5, "c": 0.5, "d": True, "e": "text"})
tallylight.operation("a", {"b": None})  # type: ignore[dict-item]
kind: Kind = "job"
tallylight.operation("a", kind=kind)

operation.record(5)
operation.record(Decimal("0.5"))
operation.record("5")  # type: ignore[arg-type]
operation.record_error(5, "TimeoutError")
operation.record_error(5, TimeoutError())
operation.record_error(5, TimeoutError)
operation.record_error(5, 5)  # type: ignore[arg-type]
operation.name  # type: ignore[attr-defined]

assert_type(operation.start(), Timer)
assert_type(operation.start().end(), float)
assert_type(operation.start().fail("E"), float)
tallylight.counter("a").add()
operation.start().fail(KeyError)
with operation.time() as timer:
    assert_type(timer, Timer)


def block() -> int:
    # A block never swallows an exception, so what follows it needs no other return.
    with operation.time():
        return 1


@operation.timed
def plain(a: int, *, b: str = "") -> list[int]:
    return [a]


@operation.timed
async def coroutine(a: int) -> str:
    return str(a)


@operation.timed
def generator() -> Iterator[int]:
    yield 1


@operation.timed
async def async_generator() -> AsyncIterator[int]:
    yield 1


assert_type(plain(1, b="x"), list[int])
plain("1")  # type: ignore[arg-type]
assert_type(generator(), Iterator[int])
assert_type(async_generator(), AsyncIterator[int])


class Service:
    @operation.timed
    def method(self, a: int) -> str:
        return str(a)

    @classmethod
    @operation.timed
    def class_method(cls) -> Service:
        return cls()

    @staticmethod
    @operation.timed
    def static_method() -> int:
        return 1


assert_type(Service().method(1), str)
assert_type(Service.class_method(), Service)
assert_type(Service.static_method(), int)

assert_type(operation.time(lambda: 5), int)
answer: Callable[[], Coroutine[Any, Any, int]]


async def follow() -> None:
    assert_type(await coroutine(1), str)
    assert_type(await operation.time(answer), int)


status = tallylight.status()
assert_type(status, Status)
assert_type(status["metrics"]["p95Duration"], float)
assert_type(status["windows"]["5m"], WindowFigures)
assert_type(status["operations"], list[OperationRow])
status["nothing"]  # type: ignore[typeddict-item]
assert_type(tallylight.snapshot(), Snapshot)
assert_type(tallylight.drops(), Drops)
assert_type(tallylight.drops()["not_a_number"], int)
assert_type(tallylight.shutdown(), None)
assert_type(tallylight.version(), str)
assert_type(tallylight.__version__, str)
assert_type(tallylight.TallylightError().code, str)

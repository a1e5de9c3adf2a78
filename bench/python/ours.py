"""Tallylight, by each of the calls that a service makes, with the goals that they are held to."""

from __future__ import annotations

import tallylight

from latencies import MS, NS
from peers import (
    BARE_CALL,
    COUNT,
    DECORATE,
    PROMETHEUS_CHILD,
    PROMETHEUS_DECORATOR,
    PROMETHEUS_TIME,
    RECORD,
    TIME,
    calls,
    each,
    nothing,
)
from rounds import Contender


def ours() -> list[Contender]:
    tallylight.init()
    operation = tallylight.operation("analyze", {"route": "/analyze"}, kind="server")
    counter = tallylight.counter("calls", {"route": "/analyze"})
    histogram = tallylight.histogram("tokens", {"route": "/analyze"}, unit="{token}")

    def count() -> None:
        for _ in NS:
            counter.add(1)

    def timed() -> None:
        for _ in NS:
            with operation.time():
                pass

    def started() -> None:
        for _ in NS:
            operation.start().end()

    return [
        Contender(
            RECORD,
            "Tallylight, operation.record",
            each(operation.record, MS),
            peer=False,
            goal=[_faster(25, PROMETHEUS_CHILD)],
        ),
        Contender(RECORD, "Tallylight, histogram.record", each(histogram.record, MS), peer=False),
        Contender(COUNT, "Tallylight, counter.add", count, peer=False),
        Contender(
            TIME,
            "Tallylight, with operation.time()",
            timed,
            peer=False,
            goal=[_faster(9, PROMETHEUS_TIME)],
        ),
        Contender(TIME, "Tallylight, start() and end()", started, peer=False),
        Contender(
            DECORATE,
            "Tallylight, @operation.timed",
            calls(operation.timed(nothing)),
            peer=False,
            goal=[_faster(17, PROMETHEUS_DECORATOR)],
            minus=BARE_CALL,
        ),
    ]


def _faster(times: int, against: str) -> dict[str, object]:
    return {
        "text": f">= {times} x faster than {against}",
        "against": against,
        "ratio": 1 / times,
        "direction": "max",
    }

"""What is recorded is what is read: exact counts, sums and maxima, percentiles within 1 %."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest
from conftest import series

import tallylight

HOUR_MS = 3_600_000.0

STREAMS: dict[str, Callable[[random.Random], float]] = {
    "lognormal": lambda r: r.lognormvariate(3, 2),
    "uniform": lambda r: r.uniform(0, 1_000),
    "heavy tail": lambda r: min(r.paretovariate(0.7), HOUR_MS),
    "microseconds": lambda r: r.uniform(0.001, 0.01),
    "whole numbers": lambda r: r.randrange(10_000),
    "bucket edges": lambda r: (2 ** r.randrange(45) + r.randrange(-1, 2)) / 1e6,
    "one value": lambda r: 42.0,
    "up to an hour": lambda r: r.uniform(0, HOUR_MS),
    "zeros": lambda r: 0.0,
}


def nanoseconds(ms: float) -> int:
    """What the core keeps of a number of milliseconds: the nearest, halves up."""
    scaled = ms * 1e6
    return math.trunc(scaled) + (scaled - math.trunc(scaled) >= 0.5)


@pytest.mark.parametrize("stream", STREAMS)
def test_count_sum_and_max_are_exact_and_percentiles_within_one_percent(
    stream: str, name: str
) -> None:
    for seed in range(5):
        source = random.Random(seed)
        ms = [abs(STREAMS[stream](source)) for _ in range(source.randrange(1, 4_000))]
        operation = tallylight.operation(name, {"seed": str(seed)})
        for value in ms:
            operation.record(value)

        row = series(name, {"seed": str(seed)})
        exact = sorted(nanoseconds(value) for value in ms)
        assert row["count"] == len(exact)
        assert row["sum"] == sum(exact)
        assert row["max"] == exact[-1]
        assert sum(count for _, _, count in row["buckets"]) == len(exact)
        for quantile, figure in (
            (0.50, row["p50"]),
            (0.90, row["p90"]),
            (0.95, row["p95"]),
            (0.99, row["p99"]),
            (0.999, row["p999"]),
        ):
            at = exact[max(math.ceil(quantile * len(exact)), 1) - 1]
            assert abs(figure - at) <= 0.01 * at + 1, (stream, seed, quantile)


def test_failures_count_into_the_durations_and_by_type(name: str) -> None:
    operation = tallylight.operation(name, kind="server")
    operation.record(1)
    operation.record_error(2, "TimeoutError")
    operation.record_error(3, TimeoutError("late"))
    operation.record_error(4, TimeoutError)
    operation.record_error(5, KeyError("k"))

    row = series(name)
    assert row["count"] == 5
    assert row["sum"] == 15_000_000
    assert row["errors"] == 4
    assert row["errorsByType"] == {"TimeoutError": 3, "KeyError": 1}


def test_an_odd_error_type_counts_as_other(name: str) -> None:
    operation = tallylight.operation(name)
    for odd in ("", None, 5, object(), "a\nb"):
        operation.record_error(1, odd)  # type: ignore[arg-type]
    operation.record_error(1, "\ud800")
    assert series(name)["errors"] == 6
    assert series(name)["errorsByType"]["_OTHER"] >= 5


def test_whatever_converts_to_float_is_a_number(name: str) -> None:
    class Millis:
        def __float__(self) -> float:
            return 7.0

    class Index:
        def __index__(self) -> int:
            return 8

    operation = tallylight.operation(name)
    for value in (5, 5.0, True, Decimal("0.5"), Fraction(1, 2), Millis(), Index(), -0.0):
        operation.record(value)  # type: ignore[arg-type]
    assert series(name)["count"] == 8
    assert series(name)["sum"] == nanoseconds(5 + 5 + 1 + 0.5 + 0.5 + 7 + 8)


def test_a_value_beyond_the_layout_is_kept_as_its_maximum_and_counted(name: str) -> None:
    clamped = tallylight.drops()["clamped"]
    operation = tallylight.operation(name)
    operation.record(1e300)
    assert series(name)["count"] == 1
    assert series(name)["max"] == 2**53 - 1
    assert tallylight.drops()["clamped"] == clamped + 1


def test_a_counter_adds_up(name: str) -> None:
    counter = tallylight.counter(name, unit="USD", scale=1e6, description="what it cost")
    for _ in range(1_000):
        counter.add(0.001)
    counter.increment()
    counter.add()
    row = series(name)
    assert (row["instrument"], row["unit"]) == ("counter", "USD")
    assert row["value"] == 3.0


def test_a_gauge_holds_the_last_value(name: str) -> None:
    gauge = tallylight.gauge(name)
    gauge.set(5)
    gauge.add(-7.5)
    assert series(name)["value"] == -2.5


def test_a_histogram_keeps_the_decimals_of_its_scale(name: str) -> None:
    histogram = tallylight.histogram(name, unit="1", scale=1_000)
    for value in (0.25, 0.5, 0.75):
        histogram.record(value)
    row = series(name)
    assert (row["count"], row["sum"], row["max"]) == (3, 1.5, 0.75)
    assert row["p50"] == pytest.approx(0.5, rel=0.01)


def test_two_handles_of_one_series_are_one_series(name: str) -> None:
    tallylight.operation(name, {"a": "1", "b": "2"}).record(1)
    tallylight.operation(name, {"b": "2", "a": "1"}).record(1)
    assert series(name, {"a": "1", "b": "2"})["count"] == 2


def test_a_handle_shows_what_it_is(name: str) -> None:
    operation = tallylight.operation("GET /", {"zone": "eu"}, kind="server")
    assert repr(operation) == '<tallylight.Operation "GET /" kind=server zone="eu">'
    assert repr(tallylight.counter("hits")) == '<tallylight.Counter "hits">'

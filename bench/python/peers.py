"""The peers, each by the cheapest call that its users can make, and by the one its documentation shows first.

Every contender is a loop of its own over the input, so a row includes the loop and the call that a user would write.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import prometheus_client
from hdrh.histogram import HdrHistogram
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View

from latencies import MS, NS, SECONDS
from rounds import Contender

RECORD = "Recording a latency"
COUNT = "Adding to a counter"
TIME = "Timing a call"
DECORATE = "Decorating a function: added to a bare call"

PROMETHEUS_CHILD = "prometheus_client, cached child"
PROMETHEUS_COUNTER = "prometheus_client counter, cached child"
PROMETHEUS_TIME = "prometheus_client, with child.time()"
PROMETHEUS_DECORATOR = "prometheus_client, @child.time()"
BARE_CALL = "the bare function"


def each(call: Callable[[object], object], values: list) -> Callable[[], None]:
    """A loop that calls `call` with every value."""

    def run() -> None:
        for value in values:
            call(value)

    return run


def nothing() -> None:
    """What the timers and decorators time."""


def calls(function: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        for _ in NS:
            function()

    return run


def bare_loop() -> None:
    for _ in MS:
        pass


def peers() -> list[Contender]:
    return [
        Contender(RECORD, "the loop alone", bare_loop, note="what every row of this group includes"),
        *_prometheus(),
        *_hdrhistogram(),
        *_opentelemetry(),
    ]


def _prometheus() -> list[Contender]:
    registry = prometheus_client.CollectorRegistry()
    histogram = prometheus_client.Histogram(
        "latency_seconds", "Latency.", ["route"], registry=registry
    )
    child = histogram.labels("/analyze")
    counter = prometheus_client.Counter("calls", "Calls.", ["route"], registry=registry).labels(
        "/analyze"
    )

    def by_labels() -> None:
        for seconds in SECONDS:
            histogram.labels("/analyze").observe(seconds)

    def count() -> None:
        for _ in NS:
            counter.inc(1)

    def timed() -> None:
        for _ in NS:
            with child.time():
                pass

    def two_clocks() -> None:
        for _ in NS:
            start = time.perf_counter()
            time.perf_counter() - start

    note = "15 buckets, the peer's default"
    return [
        Contender(RECORD, PROMETHEUS_CHILD, each(child.observe, SECONDS), note=note),
        Contender(RECORD, "prometheus_client, labels()", by_labels, note=note),
        Contender(COUNT, PROMETHEUS_COUNTER, count),
        Contender(TIME, "two perf_counter() reads", two_clocks, note="the clock alone"),
        Contender(TIME, PROMETHEUS_TIME, timed),
        Contender(DECORATE, BARE_CALL, calls(nothing), note="the call itself, taken off the rows below"),
        Contender(DECORATE, PROMETHEUS_DECORATOR, calls(child.time()(nothing)), minus=BARE_CALL),
    ]


def _hdrhistogram() -> list[Contender]:
    histogram = HdrHistogram(1, 3_600_000_000_000, 2)
    return [
        Contender(
            RECORD,
            "hdrhistogram (PyPI)",
            each(histogram.record_value, NS),
            note="two digits; not safe for threads",
        )
    ]


def _opentelemetry() -> list[Contender]:
    exponential = View(
        instrument_type=Histogram,
        instrument_name="latency",
        aggregation=ExponentialBucketHistogramAggregation(max_size=160),
    )
    provider = MeterProvider(metric_readers=[InMemoryMetricReader()], views=[exponential])
    meter = provider.get_meter("bench")
    attributes = {"route": "/analyze"}

    def loop(name: str) -> Callable[[], None]:
        record = meter.create_histogram(name, unit="ms").record

        def run() -> None:
            for ms in MS:
                record(ms, attributes)

        return run

    return [
        Contender(
            RECORD,
            "opentelemetry-sdk, exponential",
            loop("latency"),
            note="160 buckets; attributes made once",
        ),
        Contender(
            RECORD,
            "opentelemetry-sdk, explicit buckets",
            loop("latency_explicit"),
            note="its default buckets; attributes made once",
        ),
    ]

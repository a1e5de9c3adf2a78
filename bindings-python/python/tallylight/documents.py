"""Types of the documents that ``status()``, ``snapshot()`` and ``drops()`` return.

At run time they are plain dicts, their keys the same in every language. Import this module to
annotate with them; ``import tallylight`` alone does not load it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Literal, TypedDict

# Two literals, because stubtest takes an alias of one with several values for a mismatch.
Kind = Literal["server", "client", "model"] | Literal["job", "internal"]
"""What an operation is: a request served, a call made, a model asked, a job run, or internal."""


class Drops(TypedDict):
    """How many recordings are in no series, by reason, and beside them what was bent to fit."""

    nan: int
    negative: int
    infinite: int
    not_a_number: int
    closed: int
    reentrant: int
    arena_full: int
    refused: int
    clamped: int
    """Values above the maximum, recorded as the maximum."""
    overflowed: int
    """Registrations past the cap on series; they record into ``otel.metric.overflow``."""
    truncated: int
    """Label values and error types that were cut to length."""


class Exemplar(TypedDict):
    """A real request whose trace was captured."""

    traceId: str
    eventId: str | None
    duration: float
    """Milliseconds."""
    timestamp: str


class JudgedExemplar(Exemplar):
    """The same, and where it stands among the requests of the last hour."""

    quantile: float
    """The highest of 0.5, 0.9, 0.95, 0.99 and 0.999 that it reaches, else 0."""


class _Series(TypedDict):
    name: str
    instrument: Literal["operation", "counter", "gauge", "histogram"]
    labels: dict[str, str]
    unit: str | None


class SeriesSnapshot(_Series, total=False):
    """One series: ``value`` of a counter or a gauge, the rest of what has a distribution.

    An operation's figures are nanoseconds, exact; a histogram's are in its own unit.
    """

    value: float
    kind: Kind | None
    count: int
    sum: float
    max: float
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    p999: float
    errors: int
    errorsByType: dict[str, int]
    exemplars: list[Exemplar]
    """Of an operation: real requests of the last hour, slowest first."""
    buckets: list[list[int]]
    """``[lowest, highest, count]`` of each bucket that holds something, before the scale."""


class Snapshot(TypedDict):
    """Every series at one moment, cumulative since the start."""

    timestamp: str
    series: list[SeriesSnapshot]


class Durations(TypedDict):
    """Durations in milliseconds."""

    avgDuration: float
    p50Duration: float
    p90Duration: float
    p95Duration: float
    p99Duration: float
    p999Duration: float
    maxDuration: float


class RequestFigures(Durations):
    """Figures over requests; all 0 without traffic. ``errorRate`` is per cent."""

    totalRequests: int
    totalErrors: int
    errorRate: float
    requestsPerSecond: float


class WindowFigures(RequestFigures):
    """The same over a rolling window."""

    windowSeconds: int
    coveredSeconds: float


Windows = TypedDict("Windows", {"1m": WindowFigures, "5m": WindowFigures, "1h": WindowFigures})
"""The rolling windows."""


class Service(TypedDict):
    """What runs."""

    name: str | None
    release: str | None


class Process(TypedDict):
    """The process that answers."""

    pid: int
    runtime: str
    sdkVersion: str
    uptimeSeconds: float


class OperationRow(Durations):
    """One operation."""

    name: str
    kind: Kind
    labels: dict[str, str]
    count: int
    errors: int
    errorRate: float
    errorsByType: dict[str, int]
    exemplars: list[JudgedExemplar]
    windows: Windows


class Models(Durations):
    """All model calls together."""

    totalCalls: int
    totalErrors: int
    errorRate: float
    windows: Windows


class ErrorRow(TypedDict):
    """Failures of one type in one operation."""

    type: str
    operation: str
    kind: Kind
    count: int
    lastWindowCount: int


class CounterRow(TypedDict):
    """One counter."""

    name: str
    labels: dict[str, str]
    unit: str | None
    value: float
    perSecond: float


class GaugeRow(TypedDict):
    """One gauge."""

    name: str
    labels: dict[str, str]
    unit: str | None
    value: float


class HistogramRow(TypedDict):
    """One plain histogram, in its own unit."""

    name: str
    labels: dict[str, str]
    unit: str | None
    count: int
    sum: float
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    p999: float
    max: float


class HistoryPoint(TypedDict):
    """One step of the history."""

    timestamp: str
    requests: int
    errors: int
    errorRate: float
    p50Duration: float
    p95Duration: float
    p99Duration: float


class History(TypedDict):
    """Points for charts, oldest first."""

    stepSeconds: int
    points: list[HistoryPoint]


class Delivery(TypedDict):
    """Where everything is that this process captured: ``captured`` is the sum of ``sent``,
    ``dropped`` and ``pending``, always.

    ``durable`` says whether all that waits is on disk, so that the next start delivers it;
    ``reasons`` counts what was dropped by reason; ``waitingFor`` says why what waits is not delivered
    yet, None when nothing waits or nothing is wrong.
    """

    captured: int
    sent: int
    dropped: int
    pending: int
    durable: bool
    reasons: dict[str, int]
    waitingFor: str | None


class Sentry(Delivery):
    """Errors and traces: whether they go to a server, and where everything is that was captured."""

    enabled: bool


class SecretRow(TypedDict):
    """One secret as it is now; never its value."""

    name: str
    which: str
    state: Literal["fresh", "stale", "failing", "missing"]
    source: Literal["override", "file", "aws", "environment", "disk"] | None
    version: str | None
    ageSeconds: float | None
    nextRefreshSeconds: float | None
    failures: int
    lastError: str | None


class CacheFile(TypedDict):
    """The sealed cache of secrets."""

    entries: int
    written: str | None
    lastError: str | None


class Scrubber(TypedDict):
    """What the scrubber knows, of every instance of the process."""

    values: int
    bytes: int
    evicted: int
    cut: int
    tooShort: int


class SecretsStatus(TypedDict):
    """The secret cache: names, ages and counts."""

    sources: list[str]
    cached: int
    hits: int
    misses: int
    staleServes: int
    readings: int
    refreshes: int
    refused: int
    evictions: int
    changes: int
    panics: int
    failures: dict[str, int]
    cacheFile: CacheFile | None
    scrubber: Scrubber
    entries: list[SecretRow]


class DeclaredSecret(TypedDict):
    """A secret that the service says it has."""

    name: str
    aliases: list[str]
    """Environment variables that hold it beside the one of its name; each also with ``_FILE``."""
    description: str


class SecretsSettings(TypedDict, total=False):
    """What ``init(secrets={...})`` takes. Spans of time are milliseconds."""

    sources: str | Sequence[str]
    """Which sources may answer: ``override``, ``file``, ``aws``, ``environment``."""
    ttl: float
    """How long a value is fresh; an hour."""
    max_stale: float
    """How old a value may be that is served while its source is out of order; a day."""
    deadline: float
    """How long a call waits at most; 5 s."""
    attempt_timeout: float
    """How long one attempt at AWS may take; 2 s."""
    concurrency: int
    max_entries: int
    max_bytes: int
    previous_grace: float
    """How long the value before a change stays readable by ``both``; 10 minutes."""
    region: str
    second_region: str
    """A region with a replica, asked when the first is out of order."""
    endpoint: str
    role_arn: str
    external_id: str
    aliases: Mapping[str, str | Sequence[str]]
    declared: Sequence[str]
    """Secrets of this service beside the built-in ones."""
    cache_file: str | PathLike[str]
    """The sealed cache that lets a restart during an outage start."""
    cache_key: str | bytes
    """What it is sealed with: 32 bytes as base64 or hexadecimal digits."""


class Telemetry(TypedDict):
    """Tallylight's own state."""

    series: int
    maxSeries: int
    shards: int
    memoryBytes: int
    maxMemoryBytes: int
    windowBytes: int
    drops: dict[str, int]
    clamped: int
    overflowed: int
    truncated: int
    tickerRunning: bool
    tickerRestarts: int


class Status(TypedDict):
    """The status document."""

    schemaVersion: int
    timestamp: str
    environment: str
    environmentReason: str
    service: Service
    process: Process
    metrics: RequestFigures
    windows: Windows
    operations: list[OperationRow]
    models: Models
    errors: list[ErrorRow]
    counters: list[CounterRow]
    gauges: list[GaugeRow]
    histograms: list[HistogramRow]
    history: History
    sentry: Sentry
    secrets: SecretsStatus
    telemetry: Telemetry

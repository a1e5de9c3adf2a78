"""Latency metrics recorded in nanoseconds, and one live status document.

    import tallylight

    tallylight.init(service="reports")
    render = tallylight.operation("render", kind="job")

    with render.time():
        ...

    print(tallylight.status()["operations"][0]["p95Duration"])

Resolve a handle once and keep it; its ``record`` is the hot call. Durations are milliseconds.
Recording never raises: a bad value is dropped and counted (see ``drops()``). Importing starts no
thread; ``init()`` does.
"""

from ._native import (
    Counter,
    Gauge,
    Histogram,
    Operation,
    Tallylight,
    Timer,
    __version__,
    default,
    init,
)
from .errors import (
    ClosedError,
    ConflictError,
    InternalError,
    InvalidConfigError,
    InvalidLabelError,
    InvalidNameError,
    InvalidValueError,
    ParseError,
    TallylightError,
    TallylightIOError,
    UnsupportedError,
)

operation = default.operation
counter = default.counter
gauge = default.gauge
histogram = default.histogram
snapshot = default.snapshot
status = default.status
drops = default.drops
shutdown = default.shutdown


def version() -> str:
    """The version of this package and of the core inside it."""
    return __version__


__all__ = [
    "ClosedError",
    "ConflictError",
    "Counter",
    "Gauge",
    "Histogram",
    "InternalError",
    "InvalidConfigError",
    "InvalidLabelError",
    "InvalidNameError",
    "InvalidValueError",
    "Operation",
    "ParseError",
    "Tallylight",
    "TallylightError",
    "TallylightIOError",
    "Timer",
    "UnsupportedError",
    "__version__",
    "counter",
    "drops",
    "gauge",
    "histogram",
    "init",
    "operation",
    "shutdown",
    "snapshot",
    "status",
    "version",
]

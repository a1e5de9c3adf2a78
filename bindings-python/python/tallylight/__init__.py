"""Latency metrics recorded in nanoseconds, secrets cached, and one live status document.

    import tallylight

    tallylight.init(service="reports")
    render = tallylight.operation("render", kind="job")

    with render.time():
        ...

    key = tallylight.get_secret("cineview-gemini-api").reveal()

    print(tallylight.status()["operations"][0]["p95Duration"])

Resolve a handle once and keep it; its ``record`` is the hot call. Durations are milliseconds.
Recording never raises: a bad value is dropped and counted (see ``drops()``). Importing starts no
thread; ``init()`` does. Secrets are in :mod:`tallylight.secrets`.
"""

from ._native import (
    Counter,
    Gauge,
    Histogram,
    Operation,
    Secret,
    SecretChange,
    Tallylight,
    Timer,
    __version__,
    default,
    init,
)
from .errors import (
    ClosedError,
    ConflictError,
    DeniedError,
    InternalError,
    InvalidConfigError,
    InvalidLabelError,
    InvalidNameError,
    InvalidValueError,
    NotFoundError,
    NotReadyError,
    ParseError,
    TallylightError,
    TallylightIOError,
    TallylightTimeoutError,
    UnavailableError,
    UnsupportedError,
)
from .secrets import (
    DefinedSecrets,
    SecretAccessor,
    SecretChanges,
    SecretPair,
    both,
    both_async,
    clear_secret_override,
    declared_secrets,
    define_secrets,
    get_secret,
    get_secret_async,
    get_secret_sync,
    on_secret_change,
    peek,
    prefetch_secrets,
    prefetch_secrets_async,
    refresh_secret,
    refresh_secret_async,
    scrub,
    secret_overrides,
    set_secret_override,
    with_secret,
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
    "DefinedSecrets",
    "DeniedError",
    "Gauge",
    "Histogram",
    "InternalError",
    "InvalidConfigError",
    "InvalidLabelError",
    "InvalidNameError",
    "InvalidValueError",
    "NotFoundError",
    "NotReadyError",
    "Operation",
    "ParseError",
    "Secret",
    "SecretAccessor",
    "SecretChange",
    "SecretChanges",
    "SecretPair",
    "Tallylight",
    "TallylightError",
    "TallylightIOError",
    "TallylightTimeoutError",
    "Timer",
    "UnavailableError",
    "UnsupportedError",
    "__version__",
    "both",
    "both_async",
    "clear_secret_override",
    "counter",
    "declared_secrets",
    "define_secrets",
    "drops",
    "gauge",
    "get_secret",
    "get_secret_async",
    "get_secret_sync",
    "histogram",
    "init",
    "on_secret_change",
    "operation",
    "peek",
    "prefetch_secrets",
    "prefetch_secrets_async",
    "refresh_secret",
    "refresh_secret_async",
    "scrub",
    "secret_overrides",
    "set_secret_override",
    "shutdown",
    "snapshot",
    "status",
    "version",
    "with_secret",
]

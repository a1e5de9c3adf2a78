"""Latency metrics in nanoseconds, secrets cached, errors delivered, and one live status document.

    import tallylight

    tallylight.init(service="reports")
    render = tallylight.operation("render", kind="job")

    with render.time():
        ...

    key = tallylight.get_secret("cineview-gemini-api").reveal()

    try:
        ...
    except Exception as error:
        tallylight.capture_exception(error, tags={"step": "resize"})

    print(tallylight.status()["operations"][0]["p95Duration"])

Resolve a handle once and keep it; its ``record`` is the hot call. Durations are milliseconds.
Recording never raises: a bad value is dropped and counted (see ``drops()``). Importing starts no
thread; ``init()`` does. Secrets are in :mod:`tallylight.secrets`; the types of errors in
:mod:`tallylight.events`.
"""

from ._authentication import authentication_failed
from ._capture import (
    add_breadcrumb,
    capture_event,
    capture_exception,
    capture_message,
    last_event_id,
)
from ._capture_delivery import close, close_async, delivery, flush, flush_async
from ._check_ins import capture_check_in, end_session, monitor, start_session
from ._model_calls import ModelCall, track_model_call

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
from ._scopes import (
    Scope,
    clear_scope,
    set_context,
    set_extra,
    set_fingerprint,
    set_level,
    set_tag,
    set_tags,
    set_user,
    with_isolation_scope,
    with_scope,
)
from ._spans import Span, active_span, start_inactive_span, start_span
from ._traces import continue_trace, trace_headers
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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._capture_logging import LoggingHandler
else:

    def __getattr__(name):
        # Loaded by the first use: `logging` takes longer to import than all of this package.
        if name == "LoggingHandler":
            from ._capture_logging import LoggingHandler

            globals()[name] = LoggingHandler
            return LoggingHandler
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


for _function in (
    active_span,
    authentication_failed,
    capture_check_in,
    continue_trace,
    end_session,
    monitor,
    start_inactive_span,
    start_session,
    start_span,
    trace_headers,
    track_model_call,
    add_breadcrumb,
    capture_event,
    capture_exception,
    capture_message,
    clear_scope,
    close,
    close_async,
    delivery,
    flush,
    flush_async,
    last_event_id,
    set_context,
    set_extra,
    set_fingerprint,
    set_level,
    set_tag,
    set_tags,
    set_user,
    with_isolation_scope,
    with_scope,
):
    setattr(Tallylight, _function.__name__, staticmethod(_function))
del _function


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
    "LoggingHandler",
    "ModelCall",
    "NotFoundError",
    "NotReadyError",
    "Operation",
    "ParseError",
    "Scope",
    "Secret",
    "SecretAccessor",
    "SecretChange",
    "SecretChanges",
    "SecretPair",
    "Span",
    "Tallylight",
    "TallylightError",
    "TallylightIOError",
    "TallylightTimeoutError",
    "Timer",
    "UnavailableError",
    "UnsupportedError",
    "__version__",
    "active_span",
    "add_breadcrumb",
    "authentication_failed",
    "both",
    "both_async",
    "capture_check_in",
    "capture_event",
    "capture_exception",
    "capture_message",
    "clear_scope",
    "clear_secret_override",
    "close",
    "close_async",
    "continue_trace",
    "counter",
    "declared_secrets",
    "define_secrets",
    "delivery",
    "drops",
    "end_session",
    "flush",
    "flush_async",
    "gauge",
    "get_secret",
    "get_secret_async",
    "get_secret_sync",
    "histogram",
    "init",
    "last_event_id",
    "monitor",
    "on_secret_change",
    "operation",
    "peek",
    "prefetch_secrets",
    "prefetch_secrets_async",
    "refresh_secret",
    "refresh_secret_async",
    "scrub",
    "secret_overrides",
    "set_context",
    "set_extra",
    "set_fingerprint",
    "set_level",
    "set_secret_override",
    "set_tag",
    "set_tags",
    "set_user",
    "shutdown",
    "snapshot",
    "start_inactive_span",
    "start_session",
    "start_span",
    "status",
    "trace_headers",
    "track_model_call",
    "version",
    "with_isolation_scope",
    "with_scope",
    "with_secret",
]

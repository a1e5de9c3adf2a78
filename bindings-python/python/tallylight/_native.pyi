# The types of the native module; `python -m mypy.stubtest tallylight` compares them with it.

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Generic, Literal, NoReturn, SupportsFloat, TypeVar, final, overload

from ._check_ins import MonitorBlock
from ._model_calls import ModelCall, ModelCallBlock
from ._scopes import Entered, Scope, ScopeBlock
from ._spans import Span, SpanBlock
from .documents import DeclaredSecret, Drops, Kind, SecretsSettings, Snapshot, Status
from .errors import TallylightError
from .events import (
    Attachment,
    Breadcrumb,
    Delivery,
    ErrorsSettings,
    Event,
    Level,
)
from .secrets import (
    DefinedSecrets,
    SecretAccessor,
    SecretChanges,
    SecretPair,
)
from .secrets import secret_overrides as _secret_overrides

_T = TypeVar("_T")
_F = TypeVar("_F", bound=Callable[..., Any])
_Tags = Mapping[str, str | float | None]
_Labels = Mapping[str, str | float]
_Error = str | BaseException | type[BaseException]

__all__ = [
    "Counter",
    "Gauge",
    "Histogram",
    "Operation",
    "Secret",
    "SecretChange",
    "Tallylight",
    "TimedFunction",
    "Timer",
    "__version__",
    "default",
    "init",
    "run_cli",
]

__version__: Final[str]
default: Final[Tallylight]

def init(
    *,
    environment: str | None = None,
    service: str | None = None,
    release: str | None = None,
    max_series: int | None = None,
    max_memory_bytes: int | None = None,
    max_window_bytes: int | None = None,
    tick_ms: int | None = None,
    secrets: SecretsSettings | None = None,
    errors: ErrorsSettings | None = None,
) -> Tallylight: ...
def run_cli(args: list[str], /) -> int: ...
@final
class Tallylight:
    def operation(
        self, name: str, labels: _Labels | None = None, *, kind: Kind = "internal"
    ) -> Operation: ...
    def counter(
        self,
        name: str,
        labels: _Labels | None = None,
        *,
        unit: str | None = None,
        scale: float = 1.0,
        description: str | None = None,
    ) -> Counter: ...
    def gauge(
        self,
        name: str,
        labels: _Labels | None = None,
        *,
        unit: str | None = None,
        scale: float = 1.0,
        description: str | None = None,
    ) -> Gauge: ...
    def histogram(
        self,
        name: str,
        labels: _Labels | None = None,
        *,
        unit: str | None = None,
        scale: float = 1.0,
        description: str | None = None,
    ) -> Histogram: ...
    def snapshot(self) -> Snapshot: ...
    def status(self) -> Status: ...
    def drops(self) -> Drops: ...
    def shutdown(self) -> None: ...
    def get_secret(
        self,
        name: str,
        *,
        key: str | None = None,
        stage: str | None = None,
        version: str | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> Secret: ...
    def peek(
        self,
        name: str,
        *,
        key: str | None = None,
        stage: str | None = None,
        version: str | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> Secret | None: ...
    def get_secret_sync(
        self,
        name: str,
        *,
        key: str | None = None,
        stage: str | None = None,
        version: str | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> Secret: ...
    def _held(self, name: str, /) -> Secret | None: ...
    def set_secret_override(self, name: str, value: str | bytes | bytearray | Secret) -> None: ...
    def clear_secret_override(self, name: str) -> None: ...
    def declared_secrets(self) -> list[DeclaredSecret]: ...
    def scrub(self, text: str) -> str: ...
    # The functions of `tallylight.secrets`, which attaches them.
    @staticmethod
    async def get_secret_async(
        name: str,
        *,
        key: str | None = None,
        stage: str | None = None,
        version: str | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> Secret: ...
    @staticmethod
    def refresh_secret(
        name: str,
        *,
        key: str | None = None,
        stage: str | None = None,
        version: str | None = None,
        deadline: float | None = None,
    ) -> Secret: ...
    @staticmethod
    async def refresh_secret_async(
        name: str,
        *,
        key: str | None = None,
        stage: str | None = None,
        version: str | None = None,
        deadline: float | None = None,
    ) -> Secret: ...
    @staticmethod
    def both(
        name: str,
        *,
        key: str | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> SecretPair: ...
    @staticmethod
    async def both_async(
        name: str,
        *,
        key: str | None = None,
        max_age: float | None = None,
        deadline: float | None = None,
    ) -> SecretPair: ...
    @staticmethod
    def prefetch_secrets(
        names: Iterable[str] | None = None,
    ) -> dict[str, Secret | TallylightError]: ...
    @staticmethod
    async def prefetch_secrets_async(
        names: Iterable[str] | None = None,
    ) -> dict[str, Secret | TallylightError]: ...
    @overload
    @staticmethod
    def with_secret(
        name: str,
        fn: Callable[[Secret], Coroutine[Any, Any, _T]],
        *,
        key: str | None = None,
        is_refused: Callable[[Exception], bool] | None = None,
    ) -> Coroutine[Any, Any, _T]: ...
    @overload
    @staticmethod
    def with_secret(
        name: str,
        fn: Callable[[Secret], _T],
        *,
        key: str | None = None,
        is_refused: Callable[[Exception], bool] | None = None,
    ) -> _T: ...
    @staticmethod
    def on_secret_change(
        callback: Callable[[SecretChange], object] | None = None,
        name: str | None = None,
    ) -> SecretChanges: ...
    @staticmethod
    def define_secrets(
        definitions: Mapping[str, str | tuple[str, str] | SecretAccessor] = {},
        /,
        **secrets: str | tuple[str, str] | SecretAccessor,
    ) -> DefinedSecrets: ...
    secret_overrides: type[_secret_overrides]
    # The functions of `tallylight` for traces, which attaches them.
    @staticmethod
    def start_span(
        name: str,
        *,
        op: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        kind: Kind | None = None,
        labels: _Labels | None = None,
        source: str | None = None,
        measured: bool = True,
    ) -> SpanBlock: ...
    @staticmethod
    def start_inactive_span(
        name: str,
        *,
        op: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        kind: Kind | None = None,
        labels: _Labels | None = None,
        source: str | None = None,
        measured: bool = True,
    ) -> Span: ...
    @staticmethod
    def active_span() -> Span | None: ...
    @overload
    @staticmethod
    def continue_trace(headers: Mapping[str, Any], function: None = None, /) -> ScopeBlock: ...
    @overload
    @staticmethod
    def continue_trace(
        headers: Mapping[str, Any], function: Callable[[], Awaitable[_T]], /
    ) -> Awaitable[_T]: ...
    @overload
    @staticmethod
    def continue_trace(headers: Mapping[str, Any], function: Callable[[], _T], /) -> _T: ...
    @staticmethod
    def trace_headers(*, baggage: str | None = None) -> dict[str, str]: ...
    @overload
    @staticmethod
    def track_model_call(
        function: None = None,
        /,
        *,
        provider: str,
        model: str,
        operation: str = "chat",
        analysis_id: str | None = None,
        input_size: float | None = None,
        attributes: Mapping[str, Any] | None = None,
        is_failure: Callable[[BaseException], bool] | None = None,
    ) -> ModelCallBlock: ...
    @overload
    @staticmethod
    def track_model_call(
        function: Callable[[ModelCall], _T],
        /,
        *,
        provider: str,
        model: str,
        operation: str = "chat",
        analysis_id: str | None = None,
        input_size: float | None = None,
        attributes: Mapping[str, Any] | None = None,
        is_failure: Callable[[BaseException], bool] | None = None,
    ) -> _T: ...
    @staticmethod
    def capture_check_in(
        monitor_slug: str,
        status: Literal["in_progress", "ok", "error"],
        *,
        check_in_id: str | None = None,
        duration: float | None = None,
        schedule: str | Mapping[str, Any] | None = None,
        checkin_margin: float | None = None,
        max_runtime: float | None = None,
        failure_issue_threshold: int | None = None,
        recovery_threshold: int | None = None,
        timezone: str | None = None,
        owner: str | None = None,
    ) -> str: ...
    @staticmethod
    def monitor(
        monitor_slug: str,
        *,
        schedule: str | Mapping[str, Any] | None = None,
        checkin_margin: float | None = None,
        max_runtime: float | None = None,
        failure_issue_threshold: int | None = None,
        recovery_threshold: int | None = None,
        timezone: str | None = None,
        owner: str | None = None,
    ) -> MonitorBlock: ...
    @staticmethod
    def start_session(*, user: str | None = None) -> bool: ...
    @staticmethod
    def end_session(end: Literal["exited", "crashed", "abnormal"] = "exited", /) -> bool: ...
    @staticmethod
    def authentication_failed(reason: str, *, user: Mapping[str, Any] | None = None) -> None: ...
    # The functions of `tallylight` for errors, which attaches them.
    @staticmethod
    def capture_exception(
        error: object = None,
        /,
        *,
        context: Mapping[str, Any] | str | None = None,
        tags: _Tags | None = None,
        user: Mapping[str, Any] | None = None,
        level: Level | None = None,
        fingerprint: Sequence[str] | None = None,
        extra: Mapping[str, Any] | None = None,
        contexts: Mapping[str, Mapping[str, Any]] | None = None,
        attachments: Iterable[Attachment] | None = None,
        handled: bool = True,
    ) -> str: ...
    @staticmethod
    def capture_message(
        message: str,
        level: Level | None = None,
        /,
        *,
        context: Mapping[str, Any] | str | None = None,
        tags: _Tags | None = None,
        user: Mapping[str, Any] | None = None,
        fingerprint: Sequence[str] | None = None,
        extra: Mapping[str, Any] | None = None,
        contexts: Mapping[str, Mapping[str, Any]] | None = None,
        attachments: Iterable[Attachment] | None = None,
    ) -> str: ...
    @staticmethod
    def capture_event(
        event: Event | Mapping[str, Any],
        /,
        *,
        attachments: Iterable[Attachment] | None = None,
    ) -> str: ...
    @staticmethod
    def add_breadcrumb(breadcrumb: Breadcrumb | str, /) -> None: ...
    @staticmethod
    def last_event_id() -> str: ...
    @staticmethod
    def set_tag(key: str, value: str | float | None) -> None: ...
    @staticmethod
    def set_tags(tags: _Tags) -> None: ...
    @staticmethod
    def set_user(user: Mapping[str, object] | None) -> None: ...
    @staticmethod
    def set_context(name: str, context: Mapping[str, object] | None) -> None: ...
    @staticmethod
    def set_extra(key: str, value: object) -> None: ...
    @staticmethod
    def set_level(level: Level | None) -> None: ...
    @staticmethod
    def set_fingerprint(fingerprint: Sequence[str] | None) -> None: ...
    @staticmethod
    def clear_scope() -> None: ...
    @overload
    @staticmethod
    def with_scope(function: None = None, /) -> ScopeBlock: ...
    @overload
    @staticmethod
    def with_scope(function: Callable[[Scope], Awaitable[_T]], /) -> Awaitable[_T]: ...
    @overload
    @staticmethod
    def with_scope(function: Callable[[Scope], _T], /) -> _T: ...
    @overload
    @staticmethod
    def with_isolation_scope(function: None = None, /) -> ScopeBlock: ...
    @overload
    @staticmethod
    def with_isolation_scope(function: Callable[[Scope], Awaitable[_T]], /) -> Awaitable[_T]: ...
    @overload
    @staticmethod
    def with_isolation_scope(function: Callable[[Scope], _T], /) -> _T: ...
    @staticmethod
    def flush(timeout_ms: float | None = None) -> Delivery: ...
    @staticmethod
    async def flush_async(timeout_ms: float | None = None) -> Delivery: ...
    @staticmethod
    def close(timeout_ms: float | None = None) -> Delivery: ...
    @staticmethod
    async def close_async(timeout_ms: float | None = None) -> Delivery: ...
    @staticmethod
    def delivery() -> Delivery: ...

@final
class Operation:
    def record(self, ms: SupportsFloat, /) -> None: ...
    def record_error(self, ms: SupportsFloat, error_type: _Error, /) -> None: ...
    def start(self) -> Timer: ...
    @overload
    def time(self) -> Timer: ...
    @overload
    def time(self, function: Callable[[], _T], /) -> _T: ...
    def timed(self, function: _F, /) -> _F: ...

@final
class Timer:
    def end(self) -> float: ...
    def fail(self, error: _Error, /) -> float: ...
    def __enter__(self) -> Timer: ...
    def __exit__(
        self,
        type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> Literal[False] | None: ...

@final
class Counter:
    def add(self, amount: SupportsFloat = 1, /) -> None: ...
    def increment(self) -> None: ...

@final
class Gauge:
    def set(self, value: SupportsFloat, /) -> None: ...
    def add(self, delta: SupportsFloat, /) -> None: ...

@final
class Histogram:
    def record(self, value: SupportsFloat, /) -> None: ...

# What `@op.timed` makes of a plain function; to a type checker it stays the function.
@final
class TimedFunction:
    def __new__(cls, operation: Operation, function: Callable[..., Any]) -> TimedFunction: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

@final
class Secret:
    def reveal(self) -> str: ...
    def reveal_bytes(self) -> bytes: ...
    def json_key(self, key: str, /) -> Secret: ...
    @property
    def name(self) -> str: ...
    @property
    def source(self) -> Literal["override", "file", "aws", "environment", "disk"]: ...
    @property
    def version(self) -> str | None: ...
    @property
    def stages(self) -> tuple[str, ...]: ...
    @property
    def arn(self) -> str | None: ...
    @property
    def region(self) -> str | None: ...
    @property
    def fetched_at(self) -> datetime: ...
    @property
    def age(self) -> float: ...
    @property
    def is_binary(self) -> bool: ...
    def _same_value(self, other: Secret) -> bool: ...
    def __format__(self, spec: str) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Secret: ...
    def __deepcopy__(self, _memo: object) -> Secret: ...
    def __reduce_ex__(self, _protocol: object) -> NoReturn: ...

@final
class SecretChange:
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> Literal["rotated", "evicted"]: ...
    @property
    def version(self) -> str | None: ...
    @property
    def previous_version(self) -> str | None: ...
    @property
    def source(self) -> Literal["override", "file", "aws", "environment", "disk"]: ...
    @property
    def at(self) -> datetime: ...

# What `tallylight.secrets` is made of.

@final
class _Mailbox:
    def __new__(cls) -> _Mailbox: ...
    def fileno(self) -> int: ...
    def take(self) -> list[int]: ...

@final
class _Pending(Generic[_T]):
    def done(self) -> bool: ...
    def notify(self, mailbox: _Mailbox, ticket: int) -> None: ...
    def result(self) -> _T: ...

@final
class _Changes:
    def __new__(cls, name: str | None) -> _Changes: ...
    def take(self) -> SecretChange | None: ...
    def wait(self, limit: float | None) -> SecretChange | None: ...
    def notify(self, mailbox: _Mailbox, ticket: int) -> None: ...
    def close(self) -> None: ...
    def closed(self) -> bool: ...
    def missed(self) -> int: ...

def _get(
    name: str,
    key: str | None,
    stage: str | None,
    version: str | None,
    max_age: float | None,
    deadline: float | None,
) -> _Pending[Secret]: ...
def _refresh(
    name: str,
    key: str | None,
    stage: str | None,
    version: str | None,
    max_age: float | None,
    deadline: float | None,
) -> _Pending[Secret]: ...
def _both(
    name: str,
    key: str | None,
    stage: str | None,
    version: str | None,
    max_age: float | None,
    deadline: float | None,
) -> _Pending[SecretPair]: ...
def _refused(name: str, key: str | None, refused: Secret) -> _Pending[Secret]: ...
def _prefetch(
    given: Iterable[str] | None,
) -> _Pending[dict[str, Secret | TallylightError]]: ...
def _report(error: BaseException, what: object) -> None: ...

# What `tallylight/_capture*.py` is made of.

@final
class _Around:
    def __new__(
        cls,
        function: Callable[..., Any],
        before: Callable[..., object] | None,
        after: Callable[[Any, Any, BaseException | None], object] | None,
    ) -> _Around: ...
    def __call__(self, /, *args: Any, **kwargs: Any) -> Any: ...
    def __get__(self, instance: object, owner: Any = None, /) -> Any: ...
    @property
    def __wrapped__(self) -> Any: ...

def _capture(
    category: str,
    id: str,
    payload: object,
    attachments: list[tuple[str, str | None, bytes | bytearray | str]] | None = None,
    trace: object = None,
    profile: object = None,
    /,
) -> str: ...
def _discard(category: str, reason: str, count: int) -> None: ...
def _delivery() -> Delivery: ...
def _flush(limit: SupportsFloat, close: bool) -> _Pending[Delivery]: ...
def _plain(value: object) -> Any: ...
def _local(variables: dict[str, Any]) -> dict[str, Any]: ...
def _json(value: object) -> str: ...
def _set_facts(facts: dict[str, Any]) -> None: ...
def _errors_settings() -> dict[str, Any]: ...

# What `tallylight/_traces.py`, `_spans.py` and their neighbours are made of.

def _trace_incoming(
    sentry_trace: str | None, baggage: str | None, traceparent: str | None, /
) -> tuple[str, str | None, bool | None, float | None, float, str | None]: ...
def _trace_start(
    rand: float, parent: bool | None, parent_rate: float | None, asked: float | None, /
) -> tuple[bool, float | None, bool]: ...
def _trace_headers(
    trace_id: str,
    span_id: str,
    sampled: bool | None,
    rate: float | None,
    rand: float | None,
    transaction: str | None,
    dynamic: str | None,
    existing: str | None,
    /,
) -> tuple[str, str, str, str, str | None]: ...
def _measure(
    name: str,
    labels: _Labels | None,
    kind: Kind | None,
    ms: float,
    error_type: str | None,
    /,
) -> int | None: ...
def _exemplify(trace_id: str, event_id: str, measured: list[tuple[int, float]], /) -> None: ...
def _error_type(error: object, /) -> str: ...
def _is_failure(error: BaseException, /) -> bool: ...
def _record_model_call(
    provider: str,
    model: str,
    operation: str,
    ms: float,
    error_type: str | None,
    input_tokens: int | None,
    output_tokens: int | None,
    first_chunk: float | None,
    /,
) -> int | None: ...
def _gen_ai_names() -> dict[str, str]: ...
def _check_in(
    slug: str,
    status: str,
    id: str | None,
    duration: float | None,
    trace_id: str | None,
    given: tuple[
        str | None,
        int | None,
        str | None,
        float | None,
        float | None,
        int | None,
        int | None,
        str | None,
        str | None,
    ],
    /,
) -> str: ...
def _start_session(user: str | None, /) -> bool: ...
def _end_session(end: str, /) -> bool: ...
def _session_errored() -> None: ...
def _authentication_failed(reason: str, /) -> dict[str, Any] | None: ...

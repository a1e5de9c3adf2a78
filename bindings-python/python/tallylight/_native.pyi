# The types of the native module; `python -m mypy.stubtest tallylight` compares them with it.

from collections.abc import Callable, Coroutine, Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Generic, Literal, NoReturn, SupportsFloat, TypeVar, final, overload

from .documents import DeclaredSecret, Drops, Kind, SecretsSettings, Snapshot, Status
from .errors import TallylightError
from .secrets import (
    DefinedSecrets,
    SecretAccessor,
    SecretChanges,
    SecretPair,
)
from .secrets import secret_overrides as _secret_overrides

_T = TypeVar("_T")
_F = TypeVar("_F", bound=Callable[..., Any])
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
    def define_secrets(**secrets: str | tuple[str, str] | SecretAccessor) -> DefinedSecrets: ...
    secret_overrides: type[_secret_overrides]

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

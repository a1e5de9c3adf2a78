# The types of the native module; `python -m mypy.stubtest tallylight` compares them with it.

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, Literal, SupportsFloat, TypeVar, final, overload

from .documents import Drops, Kind, Snapshot, Status

_T = TypeVar("_T")
_F = TypeVar("_F", bound=Callable[..., Any])
_Error = str | BaseException | type[BaseException]

__all__ = [
    "Counter",
    "Gauge",
    "Histogram",
    "Operation",
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
    tick_ms: float | None = None,
) -> Tallylight: ...
def run_cli(args: list[str], /) -> int: ...
@final
class Tallylight:
    def operation(
        self, name: str, labels: Mapping[str, str] | None = None, *, kind: Kind = "internal"
    ) -> Operation: ...
    def counter(
        self,
        name: str,
        labels: Mapping[str, str] | None = None,
        *,
        unit: str | None = None,
        scale: float = 1.0,
        description: str | None = None,
    ) -> Counter: ...
    def gauge(
        self,
        name: str,
        labels: Mapping[str, str] | None = None,
        *,
        unit: str | None = None,
        scale: float = 1.0,
        description: str | None = None,
    ) -> Gauge: ...
    def histogram(
        self,
        name: str,
        labels: Mapping[str, str] | None = None,
        *,
        unit: str | None = None,
        scale: float = 1.0,
        description: str | None = None,
    ) -> Histogram: ...
    def snapshot(self) -> Snapshot: ...
    def status(self) -> Status: ...
    def drops(self) -> Drops: ...
    def shutdown(self) -> None: ...

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
    def end(self) -> None: ...
    def fail(self, error: _Error, /) -> None: ...
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
    def add(self, amount: SupportsFloat, /) -> None: ...
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

"""Check-ins and sessions: a job tells that it runs, ran well or failed, and a server tells when it did
not run; a process tells that its release runs, and whether without errors."""

from __future__ import annotations

from time import perf_counter

from . import _native
from ._capture_submit import report
from ._function_kind import _ASYNC_GENERATOR, _COROUTINE, _GENERATOR, _flags
from ._traces import current_trace
from .errors import InvalidValueError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Any, Literal, TypeVar

    _F = TypeVar("_F", bound=Callable[..., Any])
    _Schedule = str | Mapping[str, Any]

_UNITS = ("year", "month", "week", "day", "hour", "minute")
_STATUSES = ("in_progress", "ok", "error")


def capture_check_in(
    monitor_slug: str,
    status: Literal["in_progress", "ok", "error"],
    *,
    check_in_id: str | None = None,
    duration: float | None = None,
    schedule: _Schedule | None = None,
    checkin_margin: float | None = None,
    max_runtime: float | None = None,
    failure_issue_threshold: int | None = None,
    recovery_threshold: int | None = None,
    timezone: str | None = None,
    owner: str | None = None,
) -> str:
    """Captures a check-in of the monitor ``monitor_slug`` and returns its id, which the one that ends
    it is given as ``check_in_id``; "" when it was not captured. ``duration`` is milliseconds.

    With a ``schedule`` (``"0 2 * * *"``, or ``{"every": 1, "unit": "day"}``) the monitor is created or
    changed: ``checkin_margin`` and ``max_runtime`` are minutes, the thresholds failures and successes
    in a row. Raises ``InvalidValueError`` for a status or a schedule that there is not.
    """
    if status not in _STATUSES:
        raise InvalidValueError(
            f"a check-in has no status {status!r}; use in_progress, ok or error"
        )
    crontab, every, unit = _scheduled(schedule)
    source = current_trace()
    try:
        return _native._check_in(
            str(monitor_slug),
            status,
            check_in_id or None,
            None if duration is None else duration / 1e3,
            None if source is None else source.trace_context()["trace_id"],
            (
                crontab,
                every,
                unit,
                checkin_margin,
                max_runtime,
                failure_issue_threshold,
                recovery_threshold,
                timezone,
                owner,
            ),
        )
    except Exception as error:
        report(error, capture_check_in)
        return ""


def _scheduled(schedule: Any) -> tuple[str | None, int | None, str | None]:
    if schedule is None:
        return None, None, None
    if isinstance(schedule, str):
        return schedule, None, None
    try:
        crontab = schedule.get("crontab")
        if isinstance(crontab, str):
            return crontab, None, None
        every, unit = schedule.get("every"), schedule.get("unit")
        if isinstance(every, int) and every > 0 and unit in _UNITS:
            return None, every, unit
    except Exception:
        pass
    raise InvalidValueError(
        'a schedule is "0 2 * * *", or {"every": 1, "unit": "day"} with year, month, week, day, hour or minute'
    )


class MonitorBlock:
    """A ``with`` block, plain or asynchronous, with check-ins around it; or a decorator, by which each
    call of a function has them."""

    __slots__ = ("_running", "_slug", "_options")

    def __init__(self, slug: str, options: dict[str, Any]) -> None:
        self._slug = slug
        self._options = options
        self._running: list[tuple[str, float]] = []

    def __enter__(self) -> str:
        check_in_id = capture_check_in(self._slug, "in_progress", **self._options)
        self._running.append((check_in_id, perf_counter()))
        return check_in_id

    def __exit__(
        self,
        type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> Literal[False]:
        check_in_id, started = self._running.pop()
        failed = value is not None and _native._is_failure(value)
        capture_check_in(
            self._slug,
            "error" if failed else "ok",
            check_in_id=check_in_id,
            duration=(perf_counter() - started) * 1e3,
            **self._options,
        )
        return False

    async def __aenter__(self) -> str:
        return self.__enter__()

    async def __aexit__(
        self,
        type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> Literal[False]:
        return self.__exit__(type, value, traceback)

    def __call__(self, function: _F) -> _F:
        flags = _flags(function)
        if isinstance(function, type) or not callable(function) or flags & (_GENERATOR | _ASYNC_GENERATOR):
            raise TypeError(
                f"@monitor(...) watches a function or a coroutine function, not {function!r}; "
                "for anything else use `with monitor(...):`"
            )
        slug, options = self._slug, self._options
        wrapper: Any
        if flags & _COROUTINE:

            async def wrapper(*args: Any, **kwargs: Any) -> Any:
                with MonitorBlock(slug, options):
                    return await function(*args, **kwargs)

        else:

            def wrapper(*args: Any, **kwargs: Any) -> Any:
                with MonitorBlock(slug, options):
                    return function(*args, **kwargs)

        import functools

        return functools.update_wrapper(wrapper, function)  # type: ignore[return-value]


def monitor(
    monitor_slug: str,
    *,
    schedule: _Schedule | None = None,
    checkin_margin: float | None = None,
    max_runtime: float | None = None,
    failure_issue_threshold: int | None = None,
    recovery_threshold: int | None = None,
    timezone: str | None = None,
    owner: str | None = None,
) -> MonitorBlock:
    """A block that is a job, with check-ins around it: in progress before, ok or error after. And a
    decorator, by which each call of a function is one.

    @tallylight.monitor("nightly-backup", schedule="0 2 * * *", max_runtime=30)
    def backup(): ...

    The options are those of ``capture_check_in``.
    """
    _scheduled(schedule)
    options = {
        "schedule": schedule,
        "checkin_margin": checkin_margin,
        "max_runtime": max_runtime,
        "failure_issue_threshold": failure_issue_threshold,
        "recovery_threshold": recovery_threshold,
        "timezone": timezone,
        "owner": owner,
    }
    return MonitorBlock(monitor_slug, options)


def start_session(*, user: str | None = None) -> bool:
    """Starts the session of this process, ending the one under way. Returns whether there is one:
    without a release there is none. Errors that are captured count into it."""
    try:
        return _native._start_session(None if user is None else str(user))
    except Exception as error:
        report(error, start_session)
        return False


def end_session(end: Literal["exited", "crashed", "abnormal"] = "exited", /) -> bool:
    """Ends the session of this process. Returns whether there was one.

    Raises ``InvalidValueError`` for an end that there is not.
    """
    return _native._end_session(end)

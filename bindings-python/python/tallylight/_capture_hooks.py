"""Errors that nobody handles: the hooks of the interpreter, threads, child processes, finalizers and asyncio.

Installed by ``init``. Each captures, then calls what stood there before, so that what is printed and
how the process ends is as it was without us. The event is in the spool before that; on the way out the
process tries to deliver what waits, for the ``shutdown_timeout`` at most.
"""

from __future__ import annotations

import sys

from . import _capture_frames, _native
from ._capture import capture_unhandled, session_crashed
from ._capture_settings import settings
from ._capture_submit import is_reporting
from ._scopes import carried, enter_carried
from ._when_imported import when_imported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from ._capture_settings import Own


class _State:
    is_installed = False
    captures = False


def install(own: Own) -> None:
    """Puts the hooks in place, once; whether they capture is the last ``init``'s to say."""
    _capture_frames.forget()
    _State.captures = own.capture_unhandled
    if not _State.is_installed:
        import atexit

        _State.is_installed = True
        atexit.register(_deliver)
        _follow_interpreter()
        when_imported("threading", _follow_threads)
        when_imported("concurrent.futures.thread", _carry_into_pools)
        when_imported("multiprocessing.process", _follow_processes)
        when_imported("asyncio.base_events", _follow_loops)
        when_imported("uvloop", _follow_uvloop)
    from ._capture_breadcrumbs import install as install_breadcrumbs

    install_breadcrumbs(own.breadcrumbs, own.capture_logged)


def _deliver() -> None:
    """Tries to deliver what waits when the interpreter ends; what is left is in the spool."""
    try:
        _native._end_session("exited")
        if _native._delivery()["pending"] and settings.has_dsn:
            _native._flush(settings.shutdown_timeout, False).result()
    except BaseException:
        # A Ctrl-C here means: do not wait.
        pass


def _follow_interpreter() -> None:
    before = sys.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, traceback: Any) -> None:
        # Whoever types at a prompt sees the error; a Ctrl-C is what the user wanted.
        if _State.captures and not hasattr(sys, "ps1") and not issubclass(kind, KeyboardInterrupt):
            capture_unhandled(_with(error, traceback), "excepthook")
            session_crashed()
        before(kind, error, traceback)

    sys.excepthook = excepthook
    before_unraisable = sys.unraisablehook

    def unraisablehook(unraisable: sys.UnraisableHookArgs) -> None:
        if _State.captures and not is_reporting():
            # What was finalized is not named: it must not come to life again, nor be asked anything.
            error = unraisable.exc_value
            where = {"message": unraisable.err_msg} if unraisable.err_msg else {}
            capture_unhandled(_with(error, unraisable.exc_traceback), "unraisablehook", "error", **where)
        before_unraisable(unraisable)

    sys.unraisablehook = unraisablehook


def _with(error: BaseException | None, traceback: Any) -> BaseException | None:
    if error is not None and traceback is not None and error.__traceback__ is None:
        error.__traceback__ = traceback
    return error


def _follow_threads(threading: ModuleType) -> None:
    before = threading.excepthook

    def excepthook(args: Any) -> None:
        # A thread that exits is no error; the default hook says nothing of it either.
        if _State.captures and args.exc_type is not SystemExit:
            name = getattr(args.thread, "name", None)
            about = {"thread": name} if isinstance(name, str) else {}
            capture_unhandled(_with(args.exc_value, args.exc_traceback), "threading", **about)
        before(args)

    threading.excepthook = excepthook  # type: ignore[attr-defined]
    _carry_scopes(threading)


#: Threads of these do many jobs, and the first one's scope is none of the others' business.
_POOLS = frozenset({"concurrent.futures.thread", "multiprocessing.pool"})


def _carry_scopes(threading: ModuleType) -> None:
    """A thread starts with the scopes of whoever starts it."""

    def before(thread: Any) -> None:
        target = getattr(thread, "_target", None)
        if getattr(target, "__module__", None) not in _POOLS:
            thread._tallylight_scopes = carried()

    threading.Thread.start = _native._Around(threading.Thread.start, before, None)


def _carry_into_pools(thread: ModuleType) -> None:
    """A job of a pool runs with the scopes of whoever submits it."""

    def before(pool: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        if not callable(fn):
            return None
        scopes = carried()

        def enter(*args: Any, **kwargs: Any) -> Any:
            return enter_carried(scopes), args, kwargs

        return None, (pool, _native._Around(fn, enter, _leave), *args), kwargs

    thread.ThreadPoolExecutor.submit = _native._Around(
        thread.ThreadPoolExecutor.submit, before, None
    )


def _leave(entered: Any, answer: object, error: object) -> None:
    if entered is not None:
        entered.leave()


def _follow_processes(process: ModuleType) -> None:
    """A child process prints what ended it and asks no hook."""

    def before(child: Any, *args: Any, **kwargs: Any) -> None:
        if _State.captures:
            child.run = _native._Around(child.run, None, after)

    def after(state: object, answer: object, error: BaseException | None) -> None:
        if error is not None and not isinstance(error, (SystemExit, KeyboardInterrupt)):
            capture_unhandled(error, "multiprocessing", process=process.current_process().name)

    process.BaseProcess._bootstrap = _native._Around(process.BaseProcess._bootstrap, before, None)


def _follow_loops(base_events: ModuleType) -> None:
    _follow_loop(base_events.BaseEventLoop)


def _follow_uvloop(uvloop: ModuleType) -> None:
    _follow_loop(uvloop.Loop)


def _follow_loop(loop: Any) -> None:
    """Every kind of handler is called through this method, a loop's own and the default."""

    def before(loop: Any, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if _State.captures and isinstance(error, BaseException):
            message = context.get("message")
            about = {"message": message} if isinstance(message, str) else {}
            capture_unhandled(error, "asyncio", "error", **about)

    loop.call_exception_handler = _native._Around(loop.call_exception_handler, before, None)

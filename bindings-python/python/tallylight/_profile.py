"""Profiles of transactions: where the time of a thread went while one ran, in Sentry's sample format 1.

A daemon thread looks at the transaction's thread some hundred times a second. There is one profile at
a time in a process; a transaction that starts meanwhile has none. A profile ends after 30 seconds,
which is the most that a server takes.
Source: https://develop.sentry.dev/sdk/telemetry/profiles/sample-format-v1/
"""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock, get_ident, start_new_thread
from os import urandom
from time import perf_counter_ns, sleep, time

from . import _native
from ._capture_submit import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any

#: Off the round number, so that it does not keep step with the program's own timers.
_INTERVAL = 0.0099
_LONGEST = 29_500_000_000
_FEWEST_SAMPLES = 2
_DEEPEST = 256


class RunningProfile:
    """A profile that runs."""

    __slots__ = ("_from", "_samples", "_stopped", "_thread", "_wall")

    def __init__(self, thread: int) -> None:
        self._thread = thread
        self._samples: list[tuple[int, tuple[tuple[CodeType, int], ...]]] = []
        self._stopped = False
        self._wall = time()
        self._from = perf_counter_ns()

    def _run(self) -> None:
        try:
            while not self._stopped:
                sleep(_INTERVAL)
                elapsed = perf_counter_ns() - self._from
                frame = sys._current_frames().get(self._thread)
                if frame is None or self._stopped or elapsed > _LONGEST:
                    return
                stack: list[tuple[CodeType, int]] = []
                while frame is not None and len(stack) < _DEEPEST:
                    stack.append((frame.f_code, frame.f_lineno))
                    frame = frame.f_back
                self._samples.append((elapsed, tuple(stack)))
        except Exception as error:
            report(error, start)
        finally:
            frame = None
            _running.release()

    def stop(self) -> Callable[[str, str, str], str] | None:
        """Ends it; answers how to write it for a transaction, None when there is too little in it."""
        self._stopped = True
        return self._written if len(self._samples) >= _FEWEST_SAMPLES else None

    def _written(self, transaction: str, name: str, trace_id: str) -> str:
        # Only here: it is needed once in a profile, and importing it costs.
        import platform
        from datetime import datetime, timezone

        frames: dict[tuple[CodeType, int], int] = {}
        stacks: dict[tuple[tuple[CodeType, int], ...], int] = {}
        thread = str(self._thread)
        samples = [
            {
                "stack_id": stacks.setdefault(stack, len(stacks)),
                "thread_id": thread,
                "elapsed_since_start_ns": str(elapsed),
            }
            for elapsed, stack in self._samples
        ]
        numbered = [[frames.setdefault(call, len(frames)) for call in stack] for stack in stacks]
        profile: dict[str, Any] = {
            "version": "1",
            "platform": "python",
            "event_id": urandom(16).hex(),
            "timestamp": datetime.fromtimestamp(self._wall, timezone.utc).isoformat(),
            "runtime": {
                "name": platform.python_implementation(),
                "version": platform.python_version(),
            },
            "os": {"name": platform.system(), "version": platform.release()},
            "device": {"architecture": platform.machine()},
            "transaction": {
                "id": transaction,
                "name": name,
                "trace_id": trace_id,
                "active_thread_id": thread,
            },
            "profile": {
                "samples": samples,
                "stacks": numbered,
                "frames": [_frame(code, line) for code, line in frames],
                "thread_metadata": {thread: {"name": "main"}},
            },
        }
        return _native._json(profile)


def _frame(code: CodeType, line: int) -> dict[str, Any]:
    path = code.co_filename
    return {
        "function": getattr(code, "co_qualname", code.co_name),
        "filename": path,
        "abs_path": path,
        "lineno": line,
        "in_app": "site-packages" not in path and not path.startswith((sys.prefix + "/lib", "<frozen")),
    }


_running = allocate_lock()


def start() -> RunningProfile | None:
    """Starts a profile of this thread, unless one runs."""
    if not _running.acquire(False):
        return None
    profile = RunningProfile(get_ident())
    try:
        start_new_thread(profile._run, ())
    except RuntimeError:
        # No thread to be had: the transaction has no profile.
        _running.release()
        return None
    return profile


def _after_fork() -> None:
    """The thread that held the lock is not in the child."""
    global _running
    _running = allocate_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

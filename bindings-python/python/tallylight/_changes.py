"""Who hears of a new version: an iterator, or a callback on a thread of ours."""

from __future__ import annotations

from . import _native
from ._native import SecretChange
from ._reading import makes_coroutines
from .errors import InvalidValueError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


class SecretChanges:
    """Changes of one secret or of all, as they come, until ``close()`` or ``shutdown()``.

    Iterate over it, ``for change in changes`` on a thread or ``async for`` in a task, or take one at
    a time with ``next(timeout)``. It keeps at most 256 changes for a reader that does not come;
    ``missed`` says how many were lost.
    """

    def __init__(self, name: str | None = None) -> None:
        self._changes = _native._Changes(name)

    def next(self, timeout: float | None = None) -> SecretChange | None:
        """The next change; None at the end, and when it did not come within the timeout."""
        return self._changes.wait(timeout)

    def close(self) -> None:
        """Ends it: whoever waits is answered with the end."""
        self._changes.close()

    @property
    def closed(self) -> bool:
        """Whether it has ended; changes that wait can still be taken."""
        return self._changes.closed()

    @property
    def missed(self) -> int:
        """Changes that were lost because nobody took them in time."""
        return self._changes.missed()

    def __iter__(self) -> SecretChanges:
        return self

    def __next__(self) -> SecretChange:
        change = self._changes.wait(None)
        if change is None:
            raise StopIteration
        return change

    def __aiter__(self) -> SecretChanges:
        return self

    async def __anext__(self) -> SecretChange:
        while True:
            change = self._changes.take()
            if change is not None:
                return change
            if self._changes.closed():
                raise StopAsyncIteration
            from ._arrivals import arrival

            await arrival(self._changes)

    def __enter__(self) -> SecretChanges:
        return self

    def __exit__(
        self,
        type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.close()

    async def __aenter__(self) -> SecretChanges:
        return self

    async def __aexit__(
        self,
        type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.close()


class _Callbacks:
    """The threads that call back, and what they need to start again in a forked child."""

    running: dict[SecretChanges, Callable[[SecretChange], object]] = {}
    is_registered = False

    @classmethod
    def start(cls, changes: SecretChanges, callback: Callable[[SecretChange], object]) -> None:
        # Loaded first: in a forked child it has to mend itself before we start threads there.
        import threading
        from os import register_at_fork

        if not cls.is_registered:
            cls.is_registered = True
            register_at_fork(after_in_child=cls.start_again)
        cls.running[changes] = callback
        threading.Thread(
            target=cls.run,
            args=(changes, callback),
            name="tallylight-secret-changes",
            daemon=True,
        ).start()

    @classmethod
    def run(cls, changes: SecretChanges, callback: Callable[[SecretChange], object]) -> None:
        for change in changes:
            try:
                callback(change)
            except BaseException as error:
                _native._report(error, callback)
        cls.running.pop(changes, None)

    @classmethod
    def start_again(cls) -> None:
        for changes, callback in list(cls.running.items()):
            cls.start(changes, callback)


def on_secret_change(
    callback: Callable[[SecretChange], object] | None = None,
    name: str | None = None,
) -> SecretChanges:
    """Hears of every new version of ``name``, or of every secret.

    Without a callback, iterate over what it returns. A callback is called on a thread of
    Tallylight's own, which this call starts; what it raises goes to ``sys.unraisablehook``, and
    ``close()`` of what this returns ends it.
    """
    if callback is None:
        return SecretChanges(name)
    if not callable(callback) or makes_coroutines(callback):
        raise InvalidValueError(
            "callback must be a plain function; in a coroutine iterate: "
            "`async for change in on_secret_change()`"
        )
    changes = SecretChanges(name)
    _Callbacks.start(changes, callback)
    return changes

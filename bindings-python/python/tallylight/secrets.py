"""Secrets: read once, cached, refreshed behind, and shown to nobody who did not ask.

    import tallylight

    key = tallylight.get_secret("cineview-gemini-api")
    headers = {"Authorization": f"Bearer {key.reveal()}"}

A value that is at hand is answered at once; a missing one is waited for, by a thread or a task, at
most for the deadline. Spans of time are milliseconds. Every function is also a method of what
``init()`` returns, and in ``tallylight`` itself.
"""

from __future__ import annotations

from . import _native
from ._native import Secret, SecretChange, Tallylight, default
from .errors import InvalidValueError, TallylightError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
    from types import TracebackType
    from typing import Any, Protocol, TypeVar, overload

    _T = TypeVar("_T")

    class _Announces(Protocol):
        def notify(self, mailbox: _native._Mailbox, ticket: int, /) -> None: ...

else:

    def overload(function):
        return None


_REFUSED_STATUS = (401, 403)
_REFUSED_SQLSTATE = ("28P01", "28000")


class SecretPair(tuple[Secret, Secret | None]):
    """The two values that are valid during a rotation; the one before is None when there is none."""

    # A named tuple by hand: `typing` would have to be loaded for its own.
    __slots__ = ()
    __match_args__ = ("current", "previous")
    _fields = __match_args__

    def __new__(cls, current: Secret, previous: Secret | None) -> SecretPair:
        return tuple.__new__(cls, (current, previous))

    @property
    def current(self) -> Secret:
        """The current value."""
        return self[0]

    @property
    def previous(self) -> Secret | None:
        """The value before, if there is one still."""
        return self[1]

    def __repr__(self) -> str:
        return f"SecretPair(current={self.current!r}, previous={self.previous!r})"


class _Arrivals:
    """Wakes tasks of one running loop when something comes on another thread."""

    # Only while a task of a loop waits is the loop in here.
    of_loops: dict[AbstractEventLoop, _Arrivals] = {}

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.loop = loop
        self.mailbox = _native._Mailbox()
        self.waiting: dict[int, Future[None]] = {}
        self.next_ticket = 0

    @classmethod
    def of(cls, loop: AbstractEventLoop) -> _Arrivals:
        found = cls.of_loops.get(loop)
        if found is None:
            for other in [known for known in list(cls.of_loops) if known.is_closed()]:
                cls.of_loops.pop(other, None)
            found = cls(loop)
            loop.add_reader(found.mailbox.fileno(), found.deliver)
            cls.of_loops[loop] = found
        return found

    async def wait(self, announces: _Announces) -> None:
        ticket = self.next_ticket
        self.next_ticket += 1
        future = self.waiting[ticket] = self.loop.create_future()
        try:
            announces.notify(self.mailbox, ticket)
            await future
        finally:
            del self.waiting[ticket]
            if not self.waiting and self.of_loops.get(self.loop) is self:
                del self.of_loops[self.loop]
                if not self.loop.is_closed():
                    self.loop.remove_reader(self.mailbox.fileno())

    def deliver(self) -> None:
        for ticket in self.mailbox.take():
            future = self.waiting.get(ticket)
            if future is not None and not future.done():
                future.set_result(None)


async def _arrival(announces: _Announces) -> None:
    from asyncio import get_running_loop

    await _Arrivals.of(get_running_loop()).wait(announces)


async def _result(pending: _native._Pending[_T]) -> _T:
    if not pending.done():
        await _arrival(pending)
    return pending.result()


async def get_secret_async(
    name: str,
    *,
    key: str | None = None,
    stage: str | None = None,
    version: str | None = None,
    max_age: float | None = None,
    deadline: float | None = None,
) -> Secret:
    """As ``get_secret``, awaited."""
    return await _result(_native._get(name, key, stage, version, max_age, deadline))


def refresh_secret(
    name: str,
    *,
    key: str | None = None,
    stage: str | None = None,
    version: str | None = None,
    deadline: float | None = None,
) -> Secret:
    """Asks the source now, whatever the cache holds, and returns the newest value.

    Callers at one time share a reading. A stale value is no answer here: it raises instead.
    """
    return _native._refresh(name, key, stage, version, None, deadline).result()


async def refresh_secret_async(
    name: str,
    *,
    key: str | None = None,
    stage: str | None = None,
    version: str | None = None,
    deadline: float | None = None,
) -> Secret:
    """As ``refresh_secret``, awaited."""
    return await _result(_native._refresh(name, key, stage, version, None, deadline))


def both(
    name: str,
    *,
    key: str | None = None,
    max_age: float | None = None,
    deadline: float | None = None,
) -> SecretPair:
    """The current value and the one before: ``current, previous = both(name)``.

    During a rotation both are valid. The one before is AWS's AWSPREVIOUS, or what this process saw
    before the last change, while its grace lasts.
    """
    return _native._both(name, key, None, None, max_age, deadline).result()


async def both_async(
    name: str,
    *,
    key: str | None = None,
    max_age: float | None = None,
    deadline: float | None = None,
) -> SecretPair:
    """As ``both``, awaited."""
    return await _result(_native._both(name, key, None, None, max_age, deadline))


def prefetch_secrets(names: Iterable[str] | None = None) -> dict[str, Secret | TallylightError]:
    """Reads many secrets at once, those of AWS in batches of 20; without names the declared ones.

    It answers for each name, with its secret or with the error, which is not raised.
    """
    return _native._prefetch(names).result()


async def prefetch_secrets_async(
    names: Iterable[str] | None = None,
) -> dict[str, Secret | TallylightError]:
    """As ``prefetch_secrets``, awaited."""
    return await _result(_native._prefetch(names))


def _says_refused(found: Any) -> bool:
    """Whether an exception says 401 or 403, or PostgreSQL's word for a wrong password."""
    for attribute in ("status", "status_code", "code"):
        if getattr(found, attribute, None) in _REFUSED_STATUS:
            return True
    for attribute in ("sqlstate", "pgcode"):
        if getattr(found, attribute, None) in _REFUSED_SQLSTATE:
            return True
    if getattr(getattr(found, "response", None), "status_code", None) in _REFUSED_STATUS:
        return True
    # What SQLAlchemy wraps around the driver's own.
    original = getattr(found, "orig", None)
    return original is not None and original is not found and _says_refused(original)


class _Call:
    """One ``with_secret``: what is called, and when its outcome means a refused credential."""

    def __init__(
        self,
        name: str,
        key: str | None,
        function: Callable[[Secret], Any],
        is_refused: Callable[[Exception], bool] | None,
    ) -> None:
        self.name = name
        self.key = key
        self.function = function
        self.is_refused = is_refused

    def raised(self, error: Exception) -> bool:
        return bool((self.is_refused or _says_refused)(error))

    def returned(self, result: Any) -> bool:
        # One's own predicate is about exceptions; it need not bear with results.
        return self.is_refused is None and getattr(result, "status_code", None) in _REFUSED_STATUS

    def pending(self, refused: Secret) -> _native._Pending[Secret]:
        return _native._refused(self.name, self.key, refused)

    def run(self) -> Any:
        secret = default.get_secret(self.name, key=self.key)
        try:
            result = self.function(secret)
        except Exception as error:
            if not self.raised(error):
                raise
            newer = self.newer(secret)
            if newer is None:
                raise
        else:
            if hasattr(result, "__await__"):
                return self.follow(secret, result)
            newer = self.newer(secret) if self.returned(result) else None
            if newer is None:
                return result
        return self.function(newer)

    def newer(self, refused: Secret) -> Secret | None:
        try:
            found = self.pending(refused).result()
        except TallylightError:
            # What the call said is the better answer than why there is nothing newer.
            return None
        return None if found._same_value(refused) else found

    async def run_async(self) -> Any:
        secret = await get_secret_async(self.name, key=self.key)
        return await self.follow(secret, None)

    async def follow(self, secret: Secret, begun: Awaitable[Any] | None) -> Any:
        try:
            result = await (self.function(secret) if begun is None else begun)
        except Exception as error:
            if not self.raised(error):
                raise
            newer = await self.newer_async(secret)
            if newer is None:
                raise
        else:
            newer = await self.newer_async(secret) if self.returned(result) else None
            if newer is None:
                return result
        return await self.function(newer)

    async def newer_async(self, refused: Secret) -> Secret | None:
        try:
            found = await _result(self.pending(refused))
        except TallylightError:
            return None
        return None if found._same_value(refused) else found


@overload
def with_secret(
    name: str,
    fn: Callable[[Secret], Coroutine[Any, Any, _T]],
    *,
    key: str | None = None,
    is_refused: Callable[[Exception], bool] | None = None,
) -> Coroutine[Any, Any, _T]: ...
@overload
def with_secret(
    name: str,
    fn: Callable[[Secret], _T],
    *,
    key: str | None = None,
    is_refused: Callable[[Exception], bool] | None = None,
) -> _T: ...
def with_secret(
    name: str,
    fn: Callable[[Secret], Any],
    *,
    key: str | None = None,
    is_refused: Callable[[Exception], bool] | None = None,
) -> Any:
    """Calls ``fn`` with the value; when it is refused, once more with a newer one.

    Refused is an exception that ``is_refused`` takes for it: without one, an exception with 401 or
    403 as its ``status``, ``status_code``, ``code`` or ``response.status_code``, or with ``28P01`` or
    ``28000`` as its ``sqlstate`` or ``pgcode``; and a result with such a ``status_code``. Then the
    secret is refreshed once for all who were refused with it, and if there is another value, ``fn``
    runs with that. Otherwise the exception or the result of the first call stands.

    With a coroutine function it returns a coroutine to await.
    """
    call = _Call(name, key, fn, is_refused)
    from inspect import iscoroutinefunction

    if iscoroutinefunction(fn) or iscoroutinefunction(getattr(fn, "__call__", None)):
        return call.run_async()
    return call.run()


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
            await _arrival(self._changes)

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
    if not callable(callback) or getattr(getattr(callback, "__code__", None), "co_flags", 0) & 0x80:
        raise InvalidValueError(
            "callback must be a plain function; in a coroutine iterate: "
            "`async for change in on_secret_change()`"
        )
    changes = SecretChanges(name)
    _Callbacks.start(changes, callback)
    return changes


class secret_overrides:
    """Sets values for the length of a ``with`` block, for tests; then what was set before stands.

    with tallylight.secret_overrides({"cineview-gemini-api": "a test key"}):
        ...
    """

    def __init__(self, values: Mapping[str, str | bytes | Secret], /) -> None:
        self._values = dict(values)
        self._before: list[dict[str, Secret | None]] = []

    def __enter__(self) -> secret_overrides:
        before: dict[str, Secret | None] = {}
        self._before.append(before)
        try:
            for name, value in self._values.items():
                known = default.peek(name)
                is_ours = known is not None and known.source == "override"
                default.set_secret_override(name, value)
                before[name] = known if is_ours else None
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        for name, before in self._before.pop().items():
            if before is None:
                default.clear_secret_override(name)
            else:
                default.set_secret_override(name, before)

    def __repr__(self) -> str:
        return f"<tallylight.secret_overrides {', '.join(self._values)}>"


class SecretAccessor:
    """One secret by name, or one key of it: the calls of this module without their first argument.

    class Keys:
        gemini = tallylight.SecretAccessor("cineview-gemini-api")
        database = tallylight.SecretAccessor("prod/db", key="password")

    Keys.gemini.get().reveal()
    """

    __slots__ = ("key", "name")

    def __init__(self, name: str, *, key: str | None = None) -> None:
        self.name = name
        self.key = key

    def get(self, *, max_age: float | None = None, deadline: float | None = None) -> Secret:
        """See ``get_secret``."""
        return default.get_secret(self.name, key=self.key, max_age=max_age, deadline=deadline)

    async def get_async(
        self, *, max_age: float | None = None, deadline: float | None = None
    ) -> Secret:
        """See ``get_secret_async``."""
        return await get_secret_async(
            self.name, key=self.key, max_age=max_age, deadline=deadline
        )

    def get_sync(self) -> Secret:
        """See ``get_secret_sync``."""
        return default.get_secret_sync(self.name, key=self.key)

    def peek(self) -> Secret | None:
        """See ``peek``."""
        return default.peek(self.name, key=self.key)

    def refresh(self, *, deadline: float | None = None) -> Secret:
        """See ``refresh_secret``."""
        return refresh_secret(self.name, key=self.key, deadline=deadline)

    async def refresh_async(self, *, deadline: float | None = None) -> Secret:
        """See ``refresh_secret_async``."""
        return await refresh_secret_async(self.name, key=self.key, deadline=deadline)

    def both(self) -> SecretPair:
        """See ``both``."""
        return both(self.name, key=self.key)

    async def both_async(self) -> SecretPair:
        """See ``both_async``."""
        return await both_async(self.name, key=self.key)

    @overload
    def with_secret(
        self,
        fn: Callable[[Secret], Coroutine[Any, Any, _T]],
        *,
        is_refused: Callable[[Exception], bool] | None = None,
    ) -> Coroutine[Any, Any, _T]: ...
    @overload
    def with_secret(
        self,
        fn: Callable[[Secret], _T],
        *,
        is_refused: Callable[[Exception], bool] | None = None,
    ) -> _T: ...
    def with_secret(
        self,
        fn: Callable[[Secret], Any],
        *,
        is_refused: Callable[[Exception], bool] | None = None,
    ) -> Any:
        """See ``with_secret``."""
        return with_secret(self.name, fn, key=self.key, is_refused=is_refused)

    def on_change(
        self, callback: Callable[[SecretChange], object] | None = None
    ) -> SecretChanges:
        """See ``on_secret_change``."""
        return on_secret_change(callback, self.name)

    def __repr__(self) -> str:
        key = "" if self.key is None else f" key={self.key!r}"
        return f"<tallylight.SecretAccessor {self.name}{key}>"


class DefinedSecrets:
    """What ``define_secrets`` returns: one accessor by each name."""

    def __init__(self, accessors: dict[str, SecretAccessor]) -> None:
        self.__dict__.update(accessors)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> SecretAccessor: ...

    else:

        def __getattr__(self, name):
            from difflib import get_close_matches

            close = get_close_matches(name, self.__dict__, 1)
            hint = f"did you mean {close[0]!r}?" if close else "it was not given to define_secrets"
            raise AttributeError(f"there is no secret {name!r}; {hint}")

    def __iter__(self) -> Iterator[SecretAccessor]:
        return iter(self.__dict__.values())

    def __repr__(self) -> str:
        return f"<tallylight.DefinedSecrets {', '.join(self.__dict__)}>"


def define_secrets(**secrets: str | tuple[str, str] | SecretAccessor) -> DefinedSecrets:
    """Names the secrets of a program once: by a name, a name and a JSON key, or an accessor.

    secrets = define_secrets(gemini="cineview-gemini-api", database=("prod/db", "password"))
    secrets.gemini.get().reveal()

    A type checker that is to know the names wants a class of ``SecretAccessor`` instead.
    """
    accessors = {}
    for attribute, given in secrets.items():
        if isinstance(given, str):
            given = SecretAccessor(given)
        elif isinstance(given, tuple) and len(given) == 2:
            given = SecretAccessor(given[0], key=given[1])
        elif not isinstance(given, SecretAccessor):
            raise InvalidValueError(
                f"{attribute} must be a name, (name, key) or a SecretAccessor, "
                f"not {type(given).__name__}"
            )
        accessors[attribute] = given
    return DefinedSecrets(accessors)


for _function in (
    get_secret_async,
    refresh_secret,
    refresh_secret_async,
    both,
    both_async,
    prefetch_secrets,
    prefetch_secrets_async,
    with_secret,
    on_secret_change,
    define_secrets,
):
    setattr(Tallylight, _function.__name__, staticmethod(_function))
Tallylight.secret_overrides = secret_overrides
del _function

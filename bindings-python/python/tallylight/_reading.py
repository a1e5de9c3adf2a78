"""The functions that read secrets, by threads and by tasks."""

from __future__ import annotations

from . import _native
from ._native import Secret, default

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar

    from .errors import TallylightError

    _T = TypeVar("_T")

_held = default._held

# As in `inspect`.
_CO_COROUTINE = 0x80


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


async def awaited(pending: _native._Pending[_T]) -> _T:
    """The answer, awaited."""
    if not pending.done():
        from ._arrivals import arrival

        await arrival(pending)
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
    if key is None and stage is None and version is None and max_age is None:
        held = _held(name)
        if held is not None:
            return held
    return await awaited(_native._get(name, key, stage, version, max_age, deadline))


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
    return await awaited(_native._refresh(name, key, stage, version, None, deadline))


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
    return await awaited(_native._both(name, key, None, None, max_age, deadline))


def prefetch_secrets(names: Iterable[str] | None = None) -> dict[str, Secret | TallylightError]:
    """Reads many secrets at once, those of AWS in batches of 20; without names the declared ones.

    It answers for each name, with its secret or with the error, which is not raised.
    """
    return _native._prefetch(names).result()


async def prefetch_secrets_async(
    names: Iterable[str] | None = None,
) -> dict[str, Secret | TallylightError]:
    """As ``prefetch_secrets``, awaited."""
    return await awaited(_native._prefetch(names))


def makes_coroutines(function: Callable[..., Any]) -> bool:
    """Whether a call of it makes a coroutine."""
    code = getattr(function, "__code__", None)
    if code is not None:
        return bool(code.co_flags & _CO_COROUTINE)
    # Of a partial or an object that can be called; it loads slowly.
    from inspect import iscoroutinefunction

    return iscoroutinefunction(function) or iscoroutinefunction(
        getattr(function, "__call__", None)
    )

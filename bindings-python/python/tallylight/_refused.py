"""A credential that was just refused: one fresh value, one more try."""

from __future__ import annotations

from . import _native
from ._native import Secret, default
from ._reading import awaited, get_secret_async, makes_coroutines
from .errors import TallylightError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import Any, TypeVar, overload

    _T = TypeVar("_T")

else:

    def overload(function):
        return None


_REFUSED_STATUS = (401, 403)
_REFUSED_SQLSTATE = ("28P01", "28000")


def _says_refused(error: Exception) -> bool:
    # SQLAlchemy wraps the driver's own.
    return _is_marked(error) or _is_marked(getattr(error, "orig", None))


def _is_marked(error: Any) -> bool:
    """Whether it says 401 or 403, or PostgreSQL's word for a wrong password."""
    for attribute in ("status", "status_code", "code"):
        if getattr(error, attribute, None) in _REFUSED_STATUS:
            return True
    for attribute in ("sqlstate", "pgcode"):
        if getattr(error, attribute, None) in _REFUSED_SQLSTATE:
            return True
    return getattr(getattr(error, "response", None), "status_code", None) in _REFUSED_STATUS


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
            found = await awaited(self.pending(refused))
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
    return call.run_async() if makes_coroutines(fn) else call.run()

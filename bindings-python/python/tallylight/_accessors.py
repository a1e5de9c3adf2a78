"""Secrets that a program names once, and values set for a test."""

from __future__ import annotations

from ._changes import SecretChanges, on_secret_change
from ._native import Secret, SecretChange, default
from ._reading import (
    SecretPair,
    both,
    both_async,
    get_secret_async,
    refresh_secret,
    refresh_secret_async,
)
from ._refused import with_secret
from .errors import InvalidValueError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping
    from types import TracebackType
    from typing import Any, TypeVar, overload

    _T = TypeVar("_T")

else:

    def overload(function):
        return None


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

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
from .errors import InvalidNameError, InvalidValueError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping
    from types import TracebackType
    from typing import Any, TypeAlias, TypedDict, TypeVar, overload

    _T = TypeVar("_T")

    class _Named(TypedDict, total=False):
        name: str
        key: str | None

    _Definition: TypeAlias = "str | tuple[str, str] | list[str] | _Named | SecretAccessor"

else:

    def overload(function):
        return None


_NONE: Mapping[str, Any] = {}
_NO_UNICODE = "holds a lone surrogate; give text that encodes as UTF-8"


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
        if not isinstance(name, str):
            raise InvalidNameError(
                f"a secret's name must be a str, not {type(name).__name__}; give its name or its ARN"
            )
        if not _is_unicode(name):
            raise InvalidNameError(f"a secret's name {_NO_UNICODE}")
        if key is not None and (not isinstance(key, str) or not key):
            raise InvalidValueError(f"the key of secret {name} must be a str, and not empty")
        if key is not None and not _is_unicode(key):
            raise InvalidValueError(f"the key of secret {name} {_NO_UNICODE}")
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

    def both(
        self, *, max_age: float | None = None, deadline: float | None = None
    ) -> SecretPair:
        """See ``both``."""
        return both(self.name, key=self.key, max_age=max_age, deadline=deadline)

    async def both_async(
        self, *, max_age: float | None = None, deadline: float | None = None
    ) -> SecretPair:
        """See ``both_async``."""
        return await both_async(self.name, key=self.key, max_age=max_age, deadline=deadline)

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


def define_secrets(
    definitions: Mapping[str, _Definition] = _NONE, /, **secrets: _Definition
) -> DefinedSecrets:
    """Names the secrets of a program once: by a name, a name and a JSON key, or an accessor.

    secrets = define_secrets(gemini="cineview-gemini-api", database=("prod/db", "password"))
    secrets.gemini.get().reveal()

    Also of a mapping, with ``{"name": "prod/db", "key": "password"}`` as the long form. A type
    checker that is to know the names wants a class of ``SecretAccessor`` instead.
    """
    try:
        all_definitions = {**definitions, **secrets}
    except TypeError:
        wrong = type(definitions).__name__
    else:
        wrong = next((repr(name) for name in all_definitions if not isinstance(name, str)), "")
    if wrong:
        raise InvalidValueError(
            'define_secrets takes a mapping such as {"gemini": "cineview-gemini-api"}, '
            f"not {wrong}"
        )
    return DefinedSecrets(
        {attribute: _accessor(attribute, given) for attribute, given in all_definitions.items()}
    )


def _accessor(attribute: str, given: Any) -> SecretAccessor:
    if isinstance(given, SecretAccessor):
        return given
    if isinstance(given, (tuple, list)):
        if len(given) != 2:
            raise InvalidValueError(f"the secret {attribute} must be a name, or (name, key)")
        name, key = given
        # A pair has both.
        return SecretAccessor(name, key="" if key is None else key)
    if not hasattr(given, "keys"):
        return SecretAccessor(given)
    unknown = [option for option in given if option not in ("name", "key")]
    if unknown:
        raise InvalidValueError(
            f"the secret {attribute} has no option {unknown[0]!r}; it knows name, key"
        )
    return SecretAccessor(given.get("name"), key=given.get("key"))


def _is_unicode(text: str) -> bool:
    """Whether the core, which takes UTF-8 alone, can have it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

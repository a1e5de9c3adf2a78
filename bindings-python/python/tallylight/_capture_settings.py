"""The settings of errors that Python itself acts on, and the moment from which they hold.

``init`` calls :func:`read` before anything starts, so that a bad setting changes nothing, and
:func:`hold` once all is well. What is captured before ``init`` goes by the environment's settings.
"""

from __future__ import annotations

import sys

from . import _native
from ._scopes import Scope, entries, global_scope
from .errors import InvalidConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from re import Pattern
    from typing import Any

_KNOWN_BREADCRUMBS = ("logging", "http", "subprocess")
_KNOWN_SCOPE = ("tags", "user", "contexts", "extra", "level", "fingerprint")


class Settings:
    """What holds now. The figures of the core stand under its names."""

    has_dsn = False
    sample_rate = 1.0
    traces_sample_rate = 0.1
    profiles_sample_rate = 0.05
    send_default_pii = False
    include_local_variables = False
    capture_prompts = False
    shutdown_timeout = 2_000.0

    before_send: Callable[[Any, Any], Any] | None = None
    before_send_transaction: Callable[[Any, Any], Any] | None = None
    before_breadcrumb: Callable[[Any, Any], Any] | None = None
    traces_sampler: Callable[[dict[str, Any]], float | bool] | None = None
    ignored_classes: tuple[type[BaseException], ...] = ()
    ignored_texts: tuple[str, ...] = ()
    ignored_patterns: tuple[Pattern[str], ...] = ()
    in_app_include: tuple[str, ...] = ()
    in_app_exclude: tuple[str, ...] = ()

    #: Whether the core's figures were read: from ``init`` on, or from the first capture.
    is_read = False


settings = Settings()


class Own:
    """The settings of one ``init``, as they were given."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.capture_unhandled = True
        self.capture_logged = True
        self.breadcrumbs = {"logging": True, "http": True, "subprocess": False}
        self.initial_scope: list[tuple[str, Any]] = []


def _wrong(name: str, expected: str, value: object) -> InvalidConfigError:
    return InvalidConfigError(f"errors.{name} must be {expected}, not {type(value).__name__}")


def read(given: Mapping[str, Any] | None) -> Own | None:
    """What ``init(errors=...)`` was given, checked; None if it was given nothing."""
    if given is None:
        return None
    own = Own()
    for name, value in given.items():
        if value is None:
            continue
        if name in {
            "before_send",
            "before_send_transaction",
            "before_breadcrumb",
            "traces_sampler",
        }:
            if not callable(value):
                raise _wrong(name, "a function", value)
            own.values[name] = value
        elif name == "ignore_errors":
            own.values.update(_ignored(value))
        elif name in {"in_app_include", "in_app_exclude"}:
            own.values[name] = _names(name, value)
        elif name in {"capture_unhandled", "capture_logged"}:
            if not isinstance(value, bool):
                raise _wrong(name, "True or False", value)
            setattr(own, name, value)
        elif name == "breadcrumbs":
            own.breadcrumbs.update(_breadcrumbs(value))
        elif name == "initial_scope":
            own.initial_scope = _initial_scope(value)
    return own


def _names(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple, set, frozenset)) or not all(
        isinstance(module, str) for module in value
    ):
        raise _wrong(name, "a list of str", value)
    return tuple(value)


def _ignored(value: Any) -> dict[str, tuple[Any, ...]]:
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise _wrong("ignore_errors", "a list", value)
    kinds: dict[str, list[Any]] = {"classes": [], "texts": [], "patterns": []}
    for entry in value:
        if isinstance(entry, str):
            kinds["texts"].append(entry)
        elif isinstance(entry, type) and issubclass(entry, BaseException):
            kinds["classes"].append(entry)
        elif callable(getattr(entry, "search", None)):
            kinds["patterns"].append(entry)
        else:
            raise _wrong(
                "ignore_errors", "a list of exception classes, str and compiled patterns", entry
            )
    return {f"ignored_{kind}": tuple(entries) for kind, entries in kinds.items()}


def _breadcrumbs(value: Any) -> dict[str, bool]:
    if isinstance(value, bool):
        # All on does not mean processes: their arguments may hold anything.
        return {"logging": value, "http": value} if value else dict.fromkeys(_KNOWN_BREADCRUMBS, False)
    for name, flag in entries(value):
        if name not in _KNOWN_BREADCRUMBS:
            raise InvalidConfigError(
                f"errors.breadcrumbs has no entry {name!r}; its entries are "
                f"{', '.join(_KNOWN_BREADCRUMBS)}"
            )
        if not isinstance(flag, bool):
            raise _wrong(f"breadcrumbs.{name}", "True or False", flag)
    if not hasattr(value, "items"):
        raise _wrong("breadcrumbs", "a mapping or a bool", value)
    return dict(value)


def _initial_scope(value: Any) -> list[tuple[str, Any]]:
    if not hasattr(value, "items"):
        raise _wrong("initial_scope", "a mapping", value)
    for name, part in entries(value):
        if name not in _KNOWN_SCOPE:
            raise InvalidConfigError(
                f"errors.initial_scope has no entry {name!r}; its entries are "
                f"{', '.join(_KNOWN_SCOPE)}"
            )
        if name in {"tags", "contexts", "extra"} and not hasattr(part, "items"):
            raise _wrong(f"initial_scope.{name}", "a mapping", part)
    return entries(value)


def hold(own: Own | None, known: dict[str, Any]) -> None:
    """From now on these settings hold; ``known`` are the core's."""
    _learn(known)
    if own is None:
        # Called again without settings of errors, those that were given before still hold.
        if _Installed.once:
            return
        own = Own()
    settings.__dict__ = {**_of_core(known), "is_read": True, **own.values}
    _fill_global_scope(own.initial_scope)
    _Installed.once = True
    from ._capture_hooks import install

    install(own)


class _Installed:
    once = False


def _of_core(known: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in known.items() if name != "max_breadcrumbs"}


def _learn(known: dict[str, Any]) -> None:
    Scope.max_breadcrumbs = known["max_breadcrumbs"]
    _native._set_facts(_facts())
    settings.__dict__.update(_of_core(known), is_read=True)


def _facts() -> dict[str, Any]:
    """What is known here and not by the core; the core adds it to what it delivers."""
    kind, version = sys.implementation.name, sys.version_info
    runtime = {
        "name": "CPython" if kind == "cpython" else kind,
        "version": f"{version[0]}.{version[1]}.{version[2]}",
        "build": sys.version,
    }
    return {"contexts": {"runtime": runtime}}


def learn() -> None:
    """Reads the environment's settings, for what is captured before ``init``."""
    try:
        _learn(_native._errors_settings())
    except InvalidConfigError:
        # `init` will say so.
        settings.is_read = True


def _fill_global_scope(parts: list[tuple[str, Any]]) -> None:
    scope = global_scope
    scope.clear()
    for name, part in parts:
        if name == "tags":
            scope.set_tags(part)
        elif name == "user":
            scope.set_user(part)
        elif name == "level":
            scope.set_level(part)
        elif name == "fingerprint":
            scope.set_fingerprint(part)
        elif name == "contexts":
            for key, value in entries(part):
                scope.set_context(key, value)
        elif name == "extra":
            for key, value in entries(part):
                scope.set_extra(key, value)

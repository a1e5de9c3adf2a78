"""What an application hands in, as plain values of its own: a copy that later changes do not reach
and that JSON can say.

Called by scopes and breadcrumbs when something is set, and by whoever builds an event. Nothing here
raises, whatever a ``__str__`` or a ``__repr__`` does; a Ctrl-C or an exit that a signal's handler
asks for while one runs does pass.
"""

from __future__ import annotations

from time import time

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeGuard, TypeVar

    _T = TypeVar("_T")

#: A longer text is cut here already; the core cuts the rest by Sentry's limits and says so.
_TEXT = 1 << 20
#: A scope keeps a hundred breadcrumbs.
_MESSAGE = 8_192
# Of the base class: a metaclass may answer anything.
_name = type.__dict__["__name__"].__get__
_module = type.__dict__["__module__"].__get__
_OF_CRUMBS = {"timestamp", "type", "category", "message", "level", "data"}
_PLAIN = frozenset({str, int, float, bool, type(None)})


def text(value: object) -> str:
    """Any value as a text of at most a megabyte; numbers and bools as JavaScript writes them."""
    words: str
    if type(value) is str:
        words = value
    elif type(value) is bool:
        words = "true" if value else "false"
    elif type(value) is float and value.is_integer():
        words = str(int(value))
    else:
        words = said(value)
    return words if len(words) <= _TEXT else words[:_TEXT]


def is_a(value: object, kind: type[_T]) -> TypeGuard[_T]:
    """As ``isinstance``, without asking the value itself, which may answer by raising."""
    return issubclass(type(value), kind)


def said(value: object) -> str:
    """What ``str()`` says of a value, or that it says nothing."""
    try:
        # Of a subclass of str, what it holds: its own __str__ may be an enumeration's name.
        return str.__str__(value) if is_a(value, str) else str(value)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        return f"<{class_name(value)}, of which str() raised {class_name(error)}>"


def class_name(value: object) -> str:
    """The name of a value's class."""
    return str(_name(type(value)))


def module_name(value: object) -> str:
    """The name of the module of a value's class."""
    module = _module(type(value))
    return module if type(module) is str else "builtins"


def plain(value: object) -> Any:
    """A plain copy of a value."""
    if type(value) in _PLAIN:
        return value
    return _native._plain(value)


def plain_dict(given: object, name: str = "value") -> dict[str, Any]:
    """A plain copy of a mapping; anything else is held under ``name``."""
    if type(given) is dict:
        copy: dict[str, Any] = {}
        try:
            for key, value in given.items():
                if type(key) is not str or type(value) not in _PLAIN:
                    break
                copy[key] = value
            else:
                return copy
        except RuntimeError:
            # Another thread changed it meanwhile; the copy below holds the interpreter throughout.
            pass
    made = _native._plain(given)
    return made if type(made) is dict else {name: made}


def crumb(given: object) -> dict[str, Any]:
    """A breadcrumb as it is kept, whatever was given as one."""
    if is_a(given, str):
        return {"timestamp": time(), "message": text(given)[:_MESSAGE]}
    made = _flat(given) or plain_dict(given, "message")
    at = made.get("timestamp")
    if type(at) is not float and type(at) is not int:
        made["timestamp"] = _when(given)
    message = made.get("message")
    if message is not None and (type(message) is not str or len(message) > _MESSAGE):
        made["message"] = text(message)[:_MESSAGE]
    data = made.get("data")
    if data is not None and type(data) is not dict:
        made["data"] = {"value": data}
    if not made.keys() <= _OF_CRUMBS:
        # A server takes no other field, and shows what is in `data`.
        own = {field: made.pop(field) for field in made.keys() - _OF_CRUMBS}
        made["data"] = {**made.get("data", {}), **own}
    for field in ("type", "category", "level"):
        if field in made and type(made[field]) is not str:
            made[field] = text(made[field])
    return made


def _flat(given: object) -> dict[str, Any] | None:
    """A copy of a dict whose values are plain, or dicts of such; None of anything else."""
    if type(given) is not dict:
        return None
    made: dict[str, Any] = {}
    try:
        for key, value in given.items():
            if type(key) is not str:
                return None
            made[key] = (
                value
                if type(value) in _PLAIN
                else plain_dict(value)
                if type(value) is dict
                else _native._plain(value)
            )
    except RuntimeError:
        # Another thread changed it meanwhile.
        return None
    return made


def _when(given: Any) -> float:
    """The time of a breadcrumb that says it as a datetime, else now."""
    try:
        return float(given["timestamp"].timestamp())
    except Exception:
        return time()

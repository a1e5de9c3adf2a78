"""An exception as Sentry shows it: itself, its causes, and the members of its groups.

Called for every event of an exception. It takes whatever was raised: cycles, chains of ten thousand
causes, classes whose methods raise.
"""

from __future__ import annotations

import builtins
import sys

from ._capture_frames import of_stack, of_traceback
from ._plain import class_name, is_a, module_name, said, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

#: Exceptions of one event: the outermost ones and, of a longer chain, its innermost ones too.
_MOST_OUTER = 40
_MOST_INNER = 10
#: How far chains are followed.
_MOST_FOLLOWED = 20_000

# Of the base class, which a subclass cannot take away.
_cause = BaseException.__dict__["__cause__"].__get__
_context = BaseException.__dict__["__context__"].__get__
_traceback = BaseException.__dict__["__traceback__"].__get__
_errno = OSError.__dict__["errno"].__get__
_is_context_hidden = BaseException.__dict__["__suppress_context__"].__get__


class _Link:
    """One exception, and how it hangs on the others."""

    __slots__ = ("error", "parent", "source")

    def __init__(self, error: BaseException, parent: int | None, source: str) -> None:
        self.error = error
        self.parent = parent
        self.source = source


def values(
    error: BaseException, mechanism: dict[str, Any], stack: FrameType | None
) -> list[dict[str, Any]]:
    """The exceptions of an event, the innermost cause first; ``mechanism`` is the outermost one's.

    An exception that was never raised has no frames; ``stack`` then says where it was captured.
    """
    if (
        _cause(error) is None
        and (_is_context_hidden(error) or _context(error) is None)
        and not _is_group(error)
    ):
        made = value(error, stack)
        made["mechanism"] = {**mechanism, **made.get("mechanism", {})}
        return [made]
    links = _links(error)
    left_out = len(links) - _MOST_OUTER - _MOST_INNER
    kept = range(len(links))
    if left_out > 0:
        kept = [*range(_MOST_OUTER), *range(len(links) - _MOST_INNER, len(links))]  # type: ignore[assignment]
    number = {at: place for place, at in enumerate(kept)}
    made_all = []
    for at in kept:
        link = links[at]
        made = value(link.error, stack if at == 0 else None)
        if at == 0:
            how = {**mechanism, "exception_id": 0}
        else:
            # What was left out hung on the last one before it.
            parent = number.get(link.parent or 0, _MOST_OUTER - 1)
            how = {
                "type": "chained",
                "handled": mechanism.get("handled", True),
                "source": link.source,
                "exception_id": number[at],
                "parent_id": parent,
            }
            if left_out > 0 and number[at] == _MOST_OUTER:
                how["data"] = {"exceptions_left_out": left_out}
        if members(link.error):
            how["is_exception_group"] = True
        made["mechanism"] = {**how, **made.get("mechanism", {})}
        made_all.append(made)
    made_all.reverse()
    return made_all


def _links(error: BaseException) -> list[_Link]:
    """The exception, what caused it, then the members of its group, each with all of its own."""
    links: list[_Link] = []
    seen: set[int] = set()
    waiting = [_Link(error, None, "")]
    while waiting and len(links) < _MOST_FOLLOWED:
        link = waiting.pop()
        if id(link.error) in seen:
            continue
        seen.add(id(link.error))
        at = len(links)
        links.append(link)
        for place, member in reversed(list(enumerate(members(link.error)))):
            waiting.append(_Link(member, at, f"exceptions[{place}]"))
        cause = _cause(link.error)
        if cause is not None:
            waiting.append(_Link(cause, at, "__cause__"))
        elif not _is_context_hidden(link.error):
            context = _context(link.error)
            if context is not None:
                waiting.append(_Link(context, at, "__context__"))
    return links


def _is_group(error: BaseException) -> bool:
    """Before Python 3.11 groups are a package's."""
    group = getattr(builtins, "BaseExceptionGroup", None)
    if group is None:
        group = getattr(sys.modules.get("exceptiongroup"), "BaseExceptionGroup", None)
    return group is not None and issubclass(type(error), group)


def members(error: BaseException) -> tuple[BaseException, ...]:
    """What a group holds."""
    if not _is_group(error):
        return ()
    try:
        found = tuple(error.exceptions)  # type: ignore[attr-defined]
    except Exception:
        return ()
    return tuple(member for member in found if is_a(member, BaseException))


def value(error: BaseException, stack: FrameType | None = None) -> dict[str, Any]:
    """One exception without its causes."""
    made: dict[str, Any] = {"type": class_name(error), "value": message(error)}
    module = module_name(error)
    if module != "builtins":
        made["module"] = module
    traceback = _traceback(error)
    frames = of_stack(stack) if traceback is None and stack is not None else of_traceback(traceback)
    if frames:
        made["stacktrace"] = {"frames": frames}
    if is_a(error, OSError):
        number = _errno(error)
        if type(number) is int:
            made["mechanism"] = {"meta": {"errno": {"number": number}}}
    return made


def message(error: BaseException) -> str:
    """What an exception says, with its notes."""
    words = text(error)
    try:
        notes = error.__dict__.get("__notes__")
    except Exception:
        return words
    if isinstance(notes, (list, tuple)):
        return "\n".join([words, *(said(note) for note in notes[:100])])
    return words


def of_anything(thrown: object, stack: FrameType | None) -> dict[str, Any]:
    """What is no exception, as one."""
    if is_a(thrown, type) and issubclass(thrown, BaseException):
        made: dict[str, Any] = {"type": thrown.__name__, "value": ""}
    else:
        made = {"type": class_name(thrown), "value": text(thrown)}
    frames = of_stack(stack)
    if frames:
        made["stacktrace"] = {"frames": frames}
    return made

"""Errors, messages and events: from what the application hands in to what the core delivers.

Called by the application and by the hooks of unhandled errors. The order: is it captured already, is
it ignored, is it in the sample; then it is built, the scopes are added, ``before_send`` looks at it,
and the core takes it. Invariants: nothing here raises into the application (but what a signal's
handler raises meanwhile), and whatever does not go on is counted as dropped with its reason.
"""

from __future__ import annotations

import sys
from _contextvars import ContextVar
from _thread import _local
from os import urandom
from time import time

from . import _capture_exceptions, _native
from ._capture_settings import learn, settings
from ._capture_submit import add_scopes, drop, report, submit
from ._plain import class_name, crumb, is_a, module_name, plain_dict, text
from ._scopes import entries, isolation_scope, texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import FrameType
    from typing import Any

    from .events import Attachment, Breadcrumb, Event, Hint, Level

    _Tags = Mapping[str, str | float | None]

_last_id: ContextVar[str] = ContextVar("tallylight_last_event_id", default="")
_busy = _local()
#: Captures inside captures (from a `before_send`, say) that are still taken: an endless one must end.
_MOST_NESTED = 3
_MARK = "__tallylight_captured__"


class _Captured:
    """What an exception carries once it is captured, so that it is captured once.

    It says of which object: a copy and what another process loads are other objects.
    """

    __slots__ = ("event_id", "of")

    def __init__(self, error: BaseException, event_id: str) -> None:
        self.of = id(error)
        self.event_id = event_id

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()


def capture_exception(
    error: object = None,
    /,
    *,
    context: Mapping[str, Any] | str | None = None,
    tags: _Tags | None = None,
    user: Mapping[str, Any] | None = None,
    level: Level | None = None,
    fingerprint: Sequence[str] | None = None,
    extra: Mapping[str, Any] | None = None,
    contexts: Mapping[str, Mapping[str, Any]] | None = None,
    attachments: Iterable[Attachment] | None = None,
    handled: bool = True,
) -> str:
    """Captures an exception, or without one the exception that is being handled.

    ``context`` says what the code was about: a mapping is shown as it is, and an ``analysis_id`` in it
    is a tag too; a text is the tag ``context``. The same exception is captured once. It takes
    whatever was thrown, never raises and never waits for the network or the disk. Returns the
    event's id, or "" for what is ignored, not in the sample or dropped.
    """
    given = {
        "context": context,
        "tags": tags,
        "user": user,
        "level": level,
        "fingerprint": fingerprint,
        "extra": extra,
        "contexts": contexts,
        "attachments": attachments,
    }
    mechanism = {"type": "generic", "handled": handled is not False}
    return _contained(_exception, error, mechanism, given, sys._getframe(1))


def capture_message(
    message: str,
    level: Level | None = None,
    /,
    *,
    context: Mapping[str, Any] | str | None = None,
    tags: _Tags | None = None,
    user: Mapping[str, Any] | None = None,
    fingerprint: Sequence[str] | None = None,
    extra: Mapping[str, Any] | None = None,
    contexts: Mapping[str, Mapping[str, Any]] | None = None,
    attachments: Iterable[Attachment] | None = None,
) -> str:
    """Captures a message, ``info`` unless told; the rest is as for ``capture_exception``."""
    given = {
        "context": context,
        "tags": tags,
        "user": user,
        "level": level,
        "fingerprint": fingerprint,
        "extra": extra,
        "contexts": contexts,
        "attachments": attachments,
    }
    return _contained(_message, message, given)


def capture_event(
    event: Event | Mapping[str, Any], /, *, attachments: Iterable[Attachment] | None = None
) -> str:
    """Captures an event in Sentry's form, complete: nothing in it is dropped, and the scopes add what
    it does not say itself."""
    return _contained(_event, event, attachments)


def add_breadcrumb(breadcrumb: Breadcrumb | str, /) -> None:
    """Notes what happened in this request or task; the last ones are part of every event."""
    note(crumb(breadcrumb), None)


def last_event_id() -> str:
    """The id of the last event that this request or task captured; "" if there is none."""
    return _last_id.get()


def note(made: dict[str, Any], hint: Hint | None) -> None:
    """Keeps a breadcrumb of ours, unless ``before_breadcrumb`` drops it."""
    before = settings.before_breadcrumb
    if before is not None:
        if getattr(_busy, "in_breadcrumb", False):
            # It logs, say; that is no breadcrumb of its own.
            return
        _busy.in_breadcrumb = True
        try:
            changed = before(made, {} if hint is None else hint)
            if changed is None:
                return
            made = crumb(changed) if changed is not made else made
        except Exception as error:
            report(error, before)
            return
        finally:
            _busy.in_breadcrumb = False
    isolation_scope()._keep(made)


def capture_unhandled(
    error: BaseException | None, kind: str, level: str = "fatal", **data: str
) -> str:
    """Captures what nobody handled, for the hook ``kind``."""
    if error is None:
        return ""
    mechanism: dict[str, Any] = {"type": kind, "handled": False}
    if data:
        mechanism["data"] = data
    return _contained(_exception, error, mechanism, {"level": level}, None)


def session_crashed() -> None:
    """Ends the session of this process, if one was started: nobody handled an error."""
    try:
        _native._end_session("crashed")
    except Exception as error:
        report(error, session_crashed)


def capture_record(event: dict[str, Any], error: BaseException | None, hint: Hint) -> str:
    """Captures an event that a log record became, with the exception it carries."""
    return _contained(_record, event, error, hint)


def _contained(capture: Any, *arguments: Any) -> str:
    """Runs a capture; a fault of ours, or of an object that it looked at, is counted and reported."""
    nested = getattr(_busy, "depth", 0)
    if nested > _MOST_NESTED:
        drop("error", "event_processor")
        return ""
    _busy.depth = nested + 1
    try:
        if not settings.is_read:
            learn()
        answer: str = capture(*arguments)
        return answer
    except Exception as error:
        drop("error", "internal_sdk_error")
        report(error, capture)
        return ""
    finally:
        _busy.depth = nested


def _exception(
    error: object, mechanism: dict[str, Any], given: dict[str, Any], stack: FrameType | None
) -> str:
    if error is None:
        error = sys.exc_info()[1]
        if error is None:
            given["level"] = given.get("level") or "error"
            return _message("capture_exception was called without an exception", given)
    elif type(error) is tuple and len(error) == 3 and is_a(error[1], BaseException):
        # What sys.exc_info() answers.
        error = error[1]
    mark = None
    if is_a(error, BaseException):
        mark = _mark_of(error)
        if mark is not None:
            drop("error", "event_processor")
            return mark.event_id
        # Before anything else sees it: a `before_send` may raise it again, log it or capture it, and what
        # is not in the sample gets no second chance.
        mark = _Captured(error, "")
        try:
            error.__dict__[_MARK] = mark
        except Exception:
            pass
        if _is_ignored(error):
            drop("error", "event_processor")
            return ""
    if not is_sampled():
        drop("error", "sample_rate")
        return ""
    if is_a(error, BaseException):
        values = _capture_exceptions.values(error, mechanism, stack)
    else:
        values = [_capture_exceptions.of_anything(error, stack)]
        values[0]["mechanism"] = {**mechanism, "synthetic": True}
    event = _new(urandom(16).hex(), "error", given)
    event["exception"] = {"values": values}
    answer = _finish(event, {"exception": error}, given)
    if mark is not None:
        mark.event_id = answer
    return answer


def _mark_of(error: BaseException) -> _Captured | None:
    try:
        mark = error.__dict__.get(_MARK)
    except Exception:
        return None
    return mark if type(mark) is _Captured and mark.of == id(error) else None


def is_captured(error: BaseException) -> bool:
    """Whether this exception is an event already."""
    return _mark_of(error) is not None


def _message(message: object, given: dict[str, Any]) -> str:
    if not is_sampled():
        drop("error", "sample_rate")
        return ""
    event = _new(urandom(16).hex(), "info", given)
    event["message"] = text(message)
    return _finish(event, {}, given)


def _record(event: dict[str, Any], error: BaseException | None, hint: Hint) -> str:
    if error is not None:
        mechanism = {"type": "logging", "handled": True}
        return _exception_of_record(event, error, mechanism, hint)
    if not is_sampled():
        drop("error", "sample_rate")
        return ""
    made = _new(urandom(16).hex(), "error", {})
    made.update(event)
    return _finish(made, hint, {})


def _exception_of_record(
    event: dict[str, Any], error: BaseException, mechanism: dict[str, Any], hint: Hint
) -> str:
    given = {"event": event, "hint": hint, "level": event.get("level")}
    return _exception(error, mechanism, given, None)


def _event(event: Any, attachments: Iterable[Attachment] | None) -> str:
    made = dict(event)
    category = "transaction" if made.get("type") == "transaction" else "error"
    if category == "error" and not is_sampled():
        drop("error", "sample_rate")
        return ""
    given_id = made.get("event_id")
    made["event_id"] = given_id if _is_id(given_id) else urandom(16).hex()
    made.setdefault("timestamp", time())
    made.setdefault("platform", "python")
    if category == "error":
        made.setdefault("level", "error")
    return _finish(made, {}, {"attachments": attachments, "category": category, "is_own": True})


def _is_id(given: object) -> bool:
    if type(given) is not str:
        return False
    digits = given.replace("-", "")
    return len(digits) == 32 and all(digit in "0123456789abcdefABCDEF" for digit in digits)


def _is_ignored(error: BaseException) -> bool:
    known = settings
    if known.ignored_classes and issubclass(type(error), known.ignored_classes):
        return True
    if not known.ignored_texts and not known.ignored_patterns:
        return False
    name = class_name(error)
    words = f"{name}: {_capture_exceptions.message(error)}"
    names = {name, f"{module_name(error)}.{name}"}
    return any(ignored in names or ignored in words for ignored in known.ignored_texts) or any(
        pattern.search(words) for pattern in known.ignored_patterns
    )


def is_sampled() -> bool:
    """Whether the next error is in the sample."""
    rate = settings.sample_rate
    return rate >= 1 or int.from_bytes(urandom(4), "little") < rate * (1 << 32)


def _new(event_id: str, level: str, given: dict[str, Any]) -> dict[str, Any]:
    """An event that says what the call said."""
    event: dict[str, Any] = {
        "event_id": event_id,
        "timestamp": time(),
        "platform": "python",
        "level": level,
    }
    own = given.get("event")
    if own is not None:
        event.update(own)
    if given.get("level") is not None:
        event["level"] = text(given["level"])
    if given.get("user") is not None:
        event["user"] = plain_dict(given["user"], "id")
    if given.get("fingerprint") is not None:
        event["fingerprint"] = texts(given["fingerprint"])
    if given.get("extra") is not None:
        event["extra"] = plain_dict(given["extra"])
    if given.get("contexts") is not None:
        event["contexts"] = {
            text(name): plain_dict(value) for name, value in entries(given["contexts"])
        }
    tags = {
        text(key): text(value) for key, value in entries(given.get("tags")) if value is not None
    }
    context = given.get("context")
    if context is not None:
        if is_a(context, str):
            tags["context"] = text(context)
        else:
            facts = plain_dict(context)
            event.setdefault("contexts", {})["context"] = facts
            analysis = facts.get("analysis_id", facts.get("analysisId"))
            if analysis is not None:
                tags["analysis_id"] = text(analysis)
    if tags:
        event["tags"] = tags
    return event


def _finish(event: dict[str, Any], hint: Any, given: dict[str, Any]) -> str:
    """From the built event to the core."""
    is_own = bool(given.get("is_own")) or given.get("level") is not None
    added, header = add_scopes(event, is_own)
    attachments = [*added, *(given.get("attachments") or ())]
    if "hint" in given:
        hint = {**hint, **given["hint"]}
    outcome = submit(event, given.get("category", "error"), hint, attachments, header)
    if outcome in {"spooled", "queued"}:
        event_id: str = event["event_id"]
        _last_id.set(event_id)
        # A message is none, whatever its level.
        if "exception" in event and event.get("level") in {"error", "fatal"}:
            _native._session_errored()
        return event_id
    return ""

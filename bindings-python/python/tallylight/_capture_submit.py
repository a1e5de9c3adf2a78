"""From a built event to the core: what the scopes add, what ``before_send`` changes, and the account of
what goes no further.

Called by errors and by spans. Invariant: an event that comes in here is handed to the core or counted
as dropped with its reason.
"""

from __future__ import annotations

import sys
from _thread import _local

from . import _native
from ._capture_settings import settings
from ._plain import is_a, plain, plain_dict, text
from ._scopes import Scope, global_scope, read_current_scope, read_isolation_scope

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_reporting = _local()


def report(error: BaseException, where: object) -> None:
    """Says to ``sys.unraisablehook`` what cannot be raised."""
    try:
        # While the interpreter ends, what we stand on may be gone already: nobody can help that.
        if _reporting.__dict__.get("now") or sys.is_finalizing():
            return
        _reporting.now = True
        try:
            _native._report(error, where)
        finally:
            _reporting.now = False
    except Exception:
        pass


def is_reporting() -> bool:
    """Whether what ``sys.unraisablehook`` hears now is our own report, which is no event."""
    return bool(getattr(_reporting, "now", False))


def drop(category: str, reason: str) -> None:
    try:
        _native._discard(category, reason, 1)
    except Exception:
        # Not even an instance can be made: then nothing was captured either.
        pass


def add_scopes(event: dict[str, Any], is_own: bool = False) -> tuple[list[Any], str | None]:
    """Adds what the scopes say and the event does not. Answers their attachments and the envelope's
    trace header.

    ``is_own``: the event's level is the application's own and stays.
    """
    isolation, current = read_isolation_scope(), read_current_scope()
    scopes = (global_scope, isolation) if current is None else (global_scope, isolation, current)
    tags: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    contexts: dict[str, Any] = {}
    attachments: list[Any] = []
    for scope in scopes:
        tags.update(scope._tags)
        if scope._extra:
            extra.update(scope._extra)
        if scope._contexts:
            contexts.update(scope._contexts)
        if scope._attachments:
            attachments.extend(scope._attachments)
    for scope in reversed(scopes):
        if scope._user is not None and "user" not in event:
            event["user"] = scope._user
        if scope._fingerprint is not None and "fingerprint" not in event:
            event["fingerprint"] = scope._fingerprint
        if scope.request is not None and "request" not in event:
            request = scope.request()
            if request is not None:
                event["request"] = plain_dict(request)
    header = _add_trace(event, contexts, scopes)
    _merge(event, "tags", tags)
    _merge(event, "contexts", contexts)
    _merge(event, "extra", extra)
    if "breadcrumbs" not in event:
        crumbs = _breadcrumbs(isolation, current)
        if crumbs:
            event["breadcrumbs"] = crumbs
    if not is_own:
        level = next((s._level for s in reversed(scopes) if s._level is not None), None)
        if level is not None:
            event["level"] = level
    return attachments, header


def _merge(event: dict[str, Any], field: str, below: dict[str, Any]) -> None:
    """The event's own entries stand."""
    if not below:
        return
    own = event.get(field)
    if not own:
        event[field] = below
    elif isinstance(own, dict):
        event[field] = {**below, **own}


def _add_trace(
    event: dict[str, Any], contexts: dict[str, Any], scopes: tuple[Scope, ...]
) -> str | None:
    source = next((s.span for s in reversed(scopes) if s.span is not None), None)
    if source is None:
        source = next((s.trace for s in reversed(scopes) if s.trace is not None), None)
    if source is None:
        return None
    contexts["trace"] = source.trace_context()
    name = source.transaction_name()
    if name is not None:
        event.setdefault("transaction", name)
    return source.trace_header()


def _breadcrumbs(isolation: Scope, current: Scope | None) -> list[dict[str, Any]]:
    most = Scope.max_breadcrumbs
    if most <= 0:
        return []
    crumbs = isolation._breadcrumbs[-most:]
    if current is not None and current._breadcrumbs:
        crumbs += current._breadcrumbs[-most:]
        crumbs.sort(key=lambda made: made["timestamp"])
        del crumbs[:-most]
    return crumbs


def submit(
    event: dict[str, Any],
    category: str,
    hint: Any,
    attachments: list[Any],
    trace: Any = None,
    profile: Any = None,
) -> str:
    """Has ``before_send`` look at an event and hands it to the core; answers what became of it."""
    is_transaction = category == "transaction"
    before = settings.before_send_transaction if is_transaction else settings.before_send
    event_id = event["event_id"]
    if before is not None:
        hint["attachments"] = attachments
        # What the scopes hold is theirs: `before_send` may change what it is given.
        event = plain_event(event)
        try:
            changed = before(event, hint)
        except Exception as error:
            # It may have been about to take something out, so the event does not go on.
            drop(category, "before_send")
            report(error, before)
            return "before_send"
        if not is_a(changed, dict):
            drop(category, "before_send")
            return "before_send"
        event = changed
        event["event_id"] = event_id
        attachments = hint.get("attachments") or []
    files = [file for file in map(_file, attachments) if file is not None] if attachments else None
    return _native._capture(category, event_id, event, files, trace, profile)


def plain_event(event: dict[str, Any]) -> dict[str, Any]:
    """A copy whose parts are nobody else's."""
    return {
        key: _copied(value) if type(value) in (dict, list) else value for key, value in event.items()
    }


def _copied(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {key: _copied(item) for key, item in value.items()}
    if kind is list:
        return [_copied(item) for item in value]
    return value


def _file(given: Any) -> tuple[str, str | None, bytes | bytearray | str] | None:
    """An attachment as the core takes it; None for what is none."""
    try:
        name, data, kind = given["filename"], given["data"], given.get("content_type")
    except Exception:
        return None
    if not issubclass(type(data), (bytes, bytearray, str)):
        data = text(plain(data))
    return text(name), None if kind is None else text(kind), data

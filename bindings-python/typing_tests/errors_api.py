"""What a type checker makes of errors; checked by ``mypy --strict``, never run."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable
from typing import Any, assert_type

import tallylight
from tallylight.events import Attachment, Breadcrumb, Delivery, ErrorsSettings, Event, Hint


def before_send(event: Event, hint: Hint) -> Event | None:
    assert_type(event.get("event_id"), str | None)
    event["tags"] = {"a": "b"}
    event["message"] = 5  # type: ignore[typeddict-item]
    return event if hint.get("exception") is None else None


settings: ErrorsSettings = {
    "dsn": "http://key@localhost/1",
    "sample_rate": 0.5,
    "before_send": before_send,
    "before_breadcrumb": lambda crumb, hint: crumb,
    "ignore_errors": [KeyError, "TimeoutError", re.compile("x")],
    "breadcrumbs": {"http": False},
    "initial_scope": {"tags": {"region": "eu"}},
}
tallylight.init(errors=settings)
tallylight.init(errors={"sample_rat": 1})  # type: ignore[arg-type]

assert_type(tallylight.capture_exception(), str)
assert_type(tallylight.capture_exception("anything"), str)
tallylight.capture_exception(
    ValueError("x"),
    context={"analysis_id": 5},
    tags={"a": 1},
    user={"id": 1},
    level="warning",
    fingerprint=["a"],
    extra={"k": object()},
    contexts={"c": {"d": 1}},
    attachments=[{"filename": "a", "data": b"x"}],
    handled=False,
)
tallylight.capture_exception(ValueError(), level="bad")  # type: ignore[arg-type]
tallylight.capture_exception(ValueError(), tag={})  # type: ignore[call-arg]
assert_type(tallylight.capture_message("x", "info"), str)
assert_type(tallylight.capture_event({"message": "x"}), str)
assert_type(tallylight.init().capture_exception(ValueError()), str)

crumb: Breadcrumb = {"category": "auth", "data": {"n": 1}}
tallylight.add_breadcrumb(crumb)
tallylight.add_breadcrumb("text")
tallylight.add_breadcrumb(5)  # type: ignore[arg-type]

with tallylight.with_scope() as scope:
    assert_type(scope, tallylight.Scope)
    assert_type(scope.set_tag("a", 1).set_level("info"), tallylight.Scope)
    attachment: Attachment = {"filename": "a", "data": "x", "content_type": "text/plain"}
    scope.add_attachment(attachment)


def plain(scope: tallylight.Scope) -> int:
    return 5


async def later(scope: tallylight.Scope) -> int:
    async with tallylight.with_isolation_scope() as inner:
        assert_type(inner, tallylight.Scope)
    assert_type(await tallylight.flush_async(), Delivery)
    return 5


assert_type(tallylight.with_scope(plain), int)
assert_type(tallylight.with_isolation_scope(later), Awaitable[int])
assert_type(tallylight.flush(500), Delivery)
assert_type(tallylight.close()["waitingFor"], str | None)
assert_type(tallylight.delivery()["reasons"], dict[str, int])
handler: logging.Handler = tallylight.LoggingHandler(event_level=logging.CRITICAL)
anything: Any = tallylight.last_event_id()

"""What an event of an exception says: its chain, its frames, and whatever was thrown."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable
from typing import Any

import pytest
from errors_support import Event, captured, outermost

import tallylight
from tallylight import _native
from tallylight._capture_settings import read, settings

__all__ = ["captured"]


def raised(make: Callable[[], object]) -> BaseException:
    try:
        make()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


EMPTY: dict[str, int] = {}


class Broken(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


def test_a_chain_of_causes_is_shown_innermost_first(captured: list[Event]) -> None:
    def fail() -> None:
        try:
            try:
                EMPTY["key"]
            except KeyError:
                raise ValueError("while handling")
        except ValueError as error:
            raise RuntimeError("outermost") from error

    error = raised(fail)
    event_id = tallylight.capture_exception(error)
    (event,) = captured
    values = event["exception"]["values"]
    assert [value["type"] for value in values] == ["KeyError", "ValueError", "RuntimeError"]
    assert [value["value"] for value in values] == ["'key'", "while handling", "outermost"]
    assert [value["mechanism"] for value in values] == [
        {
            "type": "chained",
            "handled": True,
            "source": "__context__",
            "exception_id": 2,
            "parent_id": 1,
        },
        {
            "type": "chained",
            "handled": True,
            "source": "__cause__",
            "exception_id": 1,
            "parent_id": 0,
        },
        {"type": "generic", "handled": True, "exception_id": 0},
    ]
    assert all(value["stacktrace"]["frames"] for value in values)
    # Nothing was sent, so there is no id to tell.
    assert event_id == ""
    assert len(event["event_id"]) == 32
    assert event["platform"] == "python"
    assert event["level"] == "error"


def test_a_suppressed_context_is_not_shown(captured: list[Event]) -> None:
    def fail() -> None:
        try:
            EMPTY["key"]
        except KeyError:
            raise ValueError("alone") from None

    tallylight.capture_exception(raised(fail))
    assert [value["type"] for value in captured[0]["exception"]["values"]] == ["ValueError"]
    assert outermost(captured[0])["mechanism"] == {"type": "generic", "handled": True}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups are of Python 3.11")
def test_a_group_is_a_tree(captured: list[Event]) -> None:
    def fail() -> None:
        inner = ExceptionGroup("inner", [KeyError("a"), OSError(2, "b")])  # noqa: F821
        inner.__cause__ = LookupError("why")
        raise ExceptionGroup("outer", [ValueError("c"), inner])  # noqa: F821

    tallylight.capture_exception(raised(fail))
    shown = [
        (
            value["type"],
            value["mechanism"]["exception_id"],
            value["mechanism"].get("parent_id"),
            value["mechanism"].get("source"),
            value["mechanism"].get("is_exception_group"),
        )
        for value in reversed(captured[0]["exception"]["values"])
    ]
    assert shown == [
        ("ExceptionGroup", 0, None, None, True),
        ("ValueError", 1, 0, "exceptions[0]", None),
        ("ExceptionGroup", 2, 0, "exceptions[1]", True),
        ("LookupError", 3, 2, "__cause__", None),
        ("KeyError", 4, 2, "exceptions[0]", None),
        ("FileNotFoundError", 5, 2, "exceptions[1]", None),
    ]
    last = captured[0]["exception"]["values"][0]
    assert last["mechanism"]["meta"] == {"errno": {"number": 2}}


def test_frames_say_where_and_whose(captured: list[Event]) -> None:
    import json as library

    class Nested:
        def method(self) -> None:
            library.loads("{")

    tallylight.capture_exception(raised(Nested().method))
    frames = outermost(captured[0])["stacktrace"]["frames"]
    here = frames[1]
    if sys.version_info >= (3, 11):
        assert here["function"].endswith("test_frames_say_where_and_whose.<locals>.Nested.method")
    assert here["module"] == __name__
    assert here["filename"] == "test_errors_events.py"
    assert here["abs_path"] == __file__
    assert here["in_app"] is True
    code = Nested.method.__code__
    assert here["lineno"] == code.co_firstlineno + 1
    last = frames[-1]
    assert last["module"] == "json.decoder"
    assert last["filename"] == "json/decoder.py"
    assert last["in_app"] is False
    assert "vars" not in here and "context_line" not in here


def test_modules_may_be_named_as_the_applications_or_not(
    captured: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    import json as library

    from tallylight import _capture_frames

    monkeypatch.setattr(settings, "in_app_include", ("json",))
    monkeypatch.setattr(settings, "in_app_exclude", (__name__,))
    _capture_frames.forget()
    try:
        tallylight.capture_exception(raised(lambda: library.loads("{")))
    finally:
        _capture_frames.forget()
    frames = outermost(captured[0])["stacktrace"]["frames"]
    assert [frame["in_app"] for frame in frames] == [False, False, True, True, True]


def test_an_exception_that_was_never_raised_says_where_it_was_captured(
    captured: list[Event],
) -> None:
    tallylight.capture_exception(ValueError("made, not raised"))
    frames = outermost(captured[0])["stacktrace"]["frames"]
    assert frames[-1]["function"].startswith(
        "test_an_exception_that_was_never_raised_says_where_it_was_captured"
    )


@pytest.mark.skipif(sys.version_info < (3, 11), reason="notes are of Python 3.11")
def test_notes_follow_the_message(captured: list[Event]) -> None:
    error = ValueError("said")
    error.add_note("noted")
    tallylight.capture_exception(error)
    assert outermost(captured[0])["value"] == "said\nnoted"


def test_without_an_argument_it_is_the_exception_being_handled(captured: list[Event]) -> None:
    try:
        raise LookupError("handled")
    except LookupError:
        tallylight.capture_exception()
    tallylight.capture_exception()
    assert outermost(captured[0])["type"] == "LookupError"
    assert captured[1]["message"] == "capture_exception was called without an exception"
    assert captured[1]["level"] == "error"


def cyclic() -> dict[str, Any]:
    value: dict[str, Any] = {"a": [1]}
    value["self"] = value
    value["a"].append(value["a"])
    return value


class Slots(Exception):
    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("frozen")


class Lying(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise RuntimeError("no name")

    @property
    def __mro__(cls) -> Any:
        raise RuntimeError("no bases")


class Lied(Exception, metaclass=Lying):
    @property
    def __cause__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("no cause")

    @property
    def __traceback__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("no traceback")

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("no dict")

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError("no class")

    @property
    def exceptions(self) -> Any:
        raise RuntimeError("no exceptions")


THROWN: list[tuple[object, str, str]] = [
    ("a text", "str", "a text"),
    (b"\xff bytes", "bytes", "b'\\xff bytes'"),
    (0, "int", "0"),
    (float("nan"), "float", "nan"),
    (object, "type", "<class 'object'>"),
    (ValueError, "ValueError", ""),
    ("lone \ud800 surrogate", "str", "lone \ufffd\ufffd\ufffd surrogate"),
    (Slots("frozen"), "Slots", "frozen"),
    (Broken(), "Broken", "<Broken, of which str() raised RuntimeError>"),
    (KeyboardInterrupt(), "KeyboardInterrupt", ""),
    ((1, 2, 3), "tuple", "(1, 2, 3)"),
]


@pytest.mark.parametrize(("thrown", "kind", "words"), THROWN, ids=range(len(THROWN)))
def test_it_takes_whatever_was_thrown(
    thrown: object, kind: str, words: str, captured: list[Event]
) -> None:
    tallylight.capture_exception(thrown)
    value = outermost(captured[0])
    assert (value["type"], value["value"]) == (kind, words)
    assert value["stacktrace"]["frames"]


def test_an_exception_whose_every_attribute_raises_is_still_captured(
    captured: list[Event], capfd: pytest.CaptureFixture[str]
) -> None:
    tallylight.capture_exception(Lied("words"))
    assert outermost(captured[0])["value"] == "words"


def test_exc_info_is_taken_as_its_exception(captured: list[Event]) -> None:
    try:
        raise LookupError("x")
    except LookupError:
        tallylight.capture_exception(sys.exc_info())
    assert outermost(captured[0])["type"] == "LookupError"


def test_a_chain_of_ten_thousand_keeps_both_ends_and_says_what_is_left_out(
    captured: list[Event],
) -> None:
    error: BaseException = ValueError("0")
    for at in range(1, 10_001):
        outer = ValueError(str(at))
        outer.__cause__ = error
        error = outer
    tallylight.capture_exception(error)
    values = captured[0]["exception"]["values"]
    assert [value["value"] for value in values[:2]] == ["0", "1"]
    assert [value["value"] for value in values[-2:]] == ["9999", "10000"]
    assert len(values) == 50
    ids = [value["mechanism"]["exception_id"] for value in reversed(values)]
    assert ids == list(range(50))
    left_out = [
        value["mechanism"]["data"]["exceptions_left_out"]
        for value in values
        if "data" in value["mechanism"]
    ]
    assert left_out == [10_001 - 50]


def test_a_cycle_of_causes_ends(captured: list[Event]) -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    tallylight.capture_exception(first)
    assert [value["value"] for value in captured[0]["exception"]["values"]] == ["second", "first"]


def test_a_recursion_error_keeps_both_ends_of_its_stack(captured: list[Event]) -> None:
    def endless(depth: int) -> int:
        return endless(depth + 1)

    tallylight.capture_exception(raised(lambda: endless(0)))
    frames = outermost(captured[0])["stacktrace"]["frames"]
    assert len(frames) == 250
    assert "endless" not in frames[0]["function"]
    assert "endless" in frames[-1]["function"]


def test_a_message_of_a_megabyte_is_taken(captured: list[Event]) -> None:
    tallylight.capture_exception(ValueError("x" * (2 << 20)))
    assert 1_000 < len(outermost(captured[0])["value"]) <= 1 << 20


def test_values_are_plain_copies_whatever_they_are(captured: list[Event]) -> None:
    from datetime import datetime, timezone
    from decimal import Decimal

    given: dict[Any, Any] = {
        "cycle": cyclic(),
        "broken": Broken(),
        "set": {1},
        "bytes": b"raw",
        "nan": float("nan"),
        "huge": 10**30,
        "time": datetime(2024, 1, 2, tzinfo=timezone.utc),
        "decimal": Decimal("1.50"),
        1: "number",
        None: "none",
        "lone": "\ud800",
        "long": list(range(1_000)),
    }
    tallylight.capture_exception(ValueError("x"), extra=given)
    given["cycle"]["later"] = True
    extra = captured[0]["extra"]
    assert extra["cycle"] == {"a": [1, "[cycle]"], "self": "[cycle]"}
    assert extra["broken"] == "<Broken, whose repr raised RuntimeError>"
    assert extra["set"] == [1]
    assert extra["bytes"] == "raw"
    assert extra["nan"] == "NaN"
    assert extra["huge"] == str(10**30)
    assert extra["time"] == "2024-01-02 00:00:00+00:00"
    assert extra["decimal"] == "1.50"
    assert (extra["1"], extra["None"]) == ("number", "none")
    assert len(extra["long"]) == 201 and extra["long"][-1] == "[800 more]"


def test_local_variables_are_captured_when_switched_on(
    captured: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(argument: int) -> None:
        broken = Broken()
        many = list(range(100))
        words = "x" * 5_000
        raise ValueError(argument, len(words), len(many), type(broken))

    monkeypatch.setattr(settings, "include_local_variables", True)
    tallylight.capture_exception(raised(lambda: fail(7)))
    variables = outermost(captured[0])["stacktrace"]["frames"][-1]["vars"]
    assert variables["argument"] == 7
    assert variables["broken"] == "<Broken, whose repr raised RuntimeError>"
    assert variables["many"][-1] == "[84 more]"
    assert len(variables["words"]) == 1_024 + 3


def test_what_the_call_says_is_on_the_event(captured: list[Event]) -> None:
    tallylight.capture_exception(
        ValueError("x"),
        context={"analysis_id": "a-1", "model": "gemini", "input_size": 3},
        tags={"flag": True, "size": 2.0, "none": None},
        user={"id": 1, "email": "a@example.com"},
        level="warning",
        fingerprint=["a", "b"],
        extra={"k": [1]},
        contexts={"order": {"total": 5}},
        handled=False,
    )
    event = captured[0]
    assert event["contexts"] == {
        "order": {"total": 5},
        "context": {"analysis_id": "a-1", "model": "gemini", "input_size": 3},
    }
    assert event["tags"] == {"flag": "true", "size": "2", "analysis_id": "a-1"}
    assert event["user"] == {"id": 1, "email": "a@example.com"}
    assert event["level"] == "warning"
    assert event["fingerprint"] == ["a", "b"]
    assert event["extra"] == {"k": [1]}
    assert outermost(event)["mechanism"]["handled"] is False
    tallylight.capture_exception(ValueError("x"), context="checkout")
    assert captured[1]["tags"] == {"context": "checkout"}


def test_nonsense_arguments_never_raise(captured: list[Event]) -> None:
    nonsense: Any = Broken()
    no_file: Any = {"filename": 1}
    tallylight.capture_exception(
        ValueError("x"),
        tags=nonsense,
        user=nonsense,
        level=nonsense,
        fingerprint=nonsense,
        extra=nonsense,
        contexts=nonsense,
        context=nonsense,
        attachments=[nonsense, no_file],
    )
    tallylight.capture_message(nonsense)
    tallylight.set_tag(nonsense, nonsense)
    tallylight.set_tag(nonsense, None)
    tallylight.set_user(None)
    tallylight.add_breadcrumb(nonsense)
    tallylight.clear_scope()
    assert len(captured) == 2


def test_the_same_exception_is_captured_once_and_others_with_its_cause_each(
    captured: list[Event],
) -> None:
    cause = ValueError("shared")
    for name in ("a", "b", "c"):
        error = RuntimeError(name)
        error.__cause__ = cause
        tallylight.capture_exception(error)
        tallylight.capture_exception(error)
    assert [outermost(event)["value"] for event in captured] == ["a", "b", "c"]
    # The cause itself was no event yet.
    tallylight.capture_exception(cause)
    assert len(captured) == 4


def test_a_copy_and_a_pickle_of_a_captured_exception_are_other_exceptions(
    captured: list[Event],
) -> None:
    error = ValueError("x")
    error.detail = 1  # type: ignore[attr-defined]
    tallylight.capture_exception(error)
    tallylight.capture_exception(copy.copy(error))
    tallylight.capture_exception(pickle.loads(pickle.dumps(error)))
    assert len(captured) == 3


def test_ignored_errors_are_counted_and_not_captured(
    captured: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    import re

    own = read({"ignore_errors": [LookupError, "TimeoutError", "no such", re.compile(r"^OS.*: x")]})
    assert own is not None
    for name, value in own.values.items():
        monkeypatch.setattr(settings, name, value)
    before = tallylight.delivery()["reasons"].get("event_processor", 0)
    for error in (KeyError("k"), TimeoutError(), ValueError("no such thing"), OSError("x")):
        assert tallylight.capture_exception(error) == ""
    assert captured == []
    assert tallylight.delivery()["reasons"]["event_processor"] == before + 4
    wrapped = RuntimeError("outer")
    wrapped.__cause__ = KeyError("k")
    tallylight.capture_exception(wrapped)
    assert len(captured) == 1


def test_the_sample_is_counted(captured: list[Event], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "sample_rate", 0.0)
    before = tallylight.delivery()["reasons"].get("sample_rate", 0)
    tallylight.capture_exception(ValueError("x"))
    tallylight.capture_message("x")
    assert captured == []
    assert tallylight.delivery()["reasons"]["sample_rate"] == before + 2
    monkeypatch.setattr(settings, "sample_rate", 0.5)
    for _ in range(400):
        tallylight.capture_message("x")
    assert 100 < len(captured) < 300


def test_a_before_send_that_fails_drops_the_event_and_is_reported(
    captured: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(event: Event, hint: Any) -> Event:
        raise RuntimeError("in before_send")

    reported: list[Any] = []
    monkeypatch.setattr(settings, "before_send", fail)
    monkeypatch.setattr(sys, "unraisablehook", reported.append)
    before = tallylight.delivery()["reasons"].get("before_send", 0)
    assert tallylight.capture_message("x") == ""
    assert tallylight.delivery()["reasons"]["before_send"] == before + 1
    assert [str(report.exc_value) for report in reported] == ["in before_send"]


def test_a_before_send_that_captures_does_not_go_on_for_ever(
    monkeypatch: pytest.MonkeyPatch, captured: list[Event]
) -> None:
    calls = 0

    def again(event: Event, hint: Any) -> None:
        nonlocal calls
        calls += 1
        tallylight.capture_message("again")

    monkeypatch.setattr(settings, "before_send", again)
    tallylight.capture_message("first")
    assert 1 < calls < 10


def test_a_before_send_changes_nothing_but_its_event(
    monkeypatch: pytest.MonkeyPatch, captured: list[Event]
) -> None:
    seen: list[Event] = []

    def change(event: Event, hint: Any) -> None:
        seen.append(json_of(event))
        event["user"]["id"] = "changed"
        event["breadcrumbs"][0]["message"] = "changed"
        event["tags"].clear()

    monkeypatch.setattr(settings, "before_send", change)
    with tallylight.with_isolation_scope():
        tallylight.clear_scope()
        tallylight.set_user({"id": "kept"})
        tallylight.set_tag("t", "kept")
        tallylight.add_breadcrumb("kept")
        tallylight.capture_message("1")
        tallylight.capture_message("2")
    assert seen[1]["user"] == {"id": "kept"}
    assert seen[1]["tags"] == {"t": "kept"}
    assert seen[1]["breadcrumbs"][0]["message"] == "kept"


def json_of(event: Event) -> Event:
    import json

    value: Event = json.loads(_native._json(event))
    return value


def test_an_event_of_the_applications_own_loses_nothing(captured: list[Event]) -> None:
    given: dict[str, Any] = {
        "event_id": "0123456789abcdef0123456789abcdef",
        "timestamp": "2024-01-02T03:04:05Z",
        "level": "info",
        "platform": "native",
        "exception": {
            "values": [
                {
                    "type": "E",
                    "value": "v",
                    "mechanism": {
                        "type": "x",
                        "exception_id": 3,
                        "parent_id": 1,
                        "is_exception_group": True,
                    },
                    "stacktrace": {"frames": [{"raw_function": "f", "instruction_addr": "0x1"}]},
                }
            ]
        },
        "_meta": {"x": {"": {"rem": [["a", "x"]]}}},
        "debug_meta": {"images": []},
        "unknown": {"field": [1, None, True, 1.5]},
        "tags": {"own": "1"},
    }
    with tallylight.with_isolation_scope() as scope:
        scope.clear().set_tag("scope", "2").set_level("fatal")
        tallylight.capture_event(given)
    (event,) = captured
    assert event == {**given, "tags": {"own": "1", "scope": "2"}}


def test_a_message_has_a_level(captured: list[Event]) -> None:
    tallylight.capture_message("hello")
    tallylight.capture_message("hello", "warning")
    with tallylight.with_scope() as scope:
        scope.set_level("debug")
        tallylight.capture_message("hello")
        tallylight.capture_message("hello", "error")
    assert [event["level"] for event in captured] == ["info", "warning", "debug", "error"]
    assert captured[0]["message"] == "hello"


def test_attachments_come_from_the_call_and_the_scope(
    captured: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(settings, "before_send", lambda event, hint: seen.append(hint["attachments"]))
    with tallylight.with_scope() as scope:
        scope.add_attachment({"filename": "a.txt", "data": "a"})
        tallylight.capture_message("x", attachments=[{"filename": "b.bin", "data": b"b"}])
    tallylight.capture_message("x")
    assert [[file["filename"] for file in files] for files in seen] == [["a.txt", "b.bin"], []]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"before_send": 1}, "before_send"),
        ({"ignore_errors": "x"}, "ignore_errors"),
        ({"ignore_errors": [1]}, "ignore_errors"),
        ({"breadcrumbs": {"console": True}}, "console"),
        ({"breadcrumbs": {"http": 1}}, "breadcrumbs.http"),
        ({"initial_scope": {"tag": {}}}, "tag"),
        ({"capture_unhandled": "yes"}, "capture_unhandled"),
        ({"in_app_include": "app"}, "in_app_include"),
        ({"sample_rate": 2}, "sample_rate"),
        ({"sample_rate": "all"}, "sample_rate"),
        ({"spool": 1}, "spool"),
        ({"max_breadcrumbs": -1}, "max_breadcrumbs"),
        ({"no_such": 1}, "no_such"),
        ({"dsn": "https://secret-key-here@"}, "DSN"),
        ([], "mapping"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_name(given: Any, words: str) -> None:
    with pytest.raises(tallylight.InvalidConfigError) as refused:
        tallylight.init(errors=given)
    assert words in str(refused.value)
    assert "secret-key-here" not in str(refused.value)

"""What can be asked of a secret, by the vectors that every language answers alike."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from conftest import ROOT

import tallylight

VECTORS = json.loads((ROOT / "tests/vectors/secret_requests.json").read_text())
VALUE = '{"a": "b", "deep": {"a": "b"}}'
NUMBERS = {"NaN": float("nan"), "Infinity": float("inf")}


def real(value: Any) -> Any:
    """What a vector writes in place of what JSON cannot hold."""
    if isinstance(value, list):
        return [real(one) for one in value]
    if not isinstance(value, dict):
        return NUMBERS.get(value, value) if isinstance(value, str) else value
    if "utf16" in value:
        return "".join(map(chr, value["utf16"]))
    if "bytes" in value:
        return b"x" * value["bytes"]
    return {name: real(one) for name, one in value.items()}


def snake(name: str) -> str:
    """As Python names it; other texts stay."""
    return re.sub("(?<=[a-z])[A-Z]", lambda c: "_" + c[0].lower(), name)


def options(given: dict[str, Any]) -> dict[str, Any]:
    return {snake(name): real(value) for name, value in given.items()}


def each(vectors: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", vectors, ids=[json.dumps(one) for one in vectors])


def assert_refused(
    call: Callable[[], object], kind: type[tallylight.TallylightError], vector: dict[str, Any]
) -> None:
    with pytest.raises(kind) as refused:
        call()
    assert snake(vector["says"]) in str(refused.value)


@each([{"options": one} for one in VECTORS["requests"]["valid"]])
def test_a_request_is_taken(vector: dict[str, Any]) -> None:
    tallylight.set_secret_override("python-requests", VALUE)
    assert tallylight.get_secret("python-requests", **options(vector["options"])).reveal()


@each(VECTORS["requests"]["invalid"])
def test_a_request_that_is_none_is_refused_by_every_call_whatever_is_at_hand(
    vector: dict[str, Any],
) -> None:
    name = "python-requests"
    tallylight.set_secret_override(name, VALUE)
    given = options(vector["options"])
    calls: list[Callable[[], object]] = [
        lambda: tallylight.get_secret(name, **given),
        lambda: asyncio.run(tallylight.get_secret_async(name, **given)),
        lambda: tallylight.peek(name, **given),
        lambda: tallylight.get_secret_sync(name, **given),
    ]
    if given.keys() <= {"key", "stage", "version", "deadline"}:
        calls.append(lambda: tallylight.refresh_secret(name, **given))
        calls.append(lambda: asyncio.run(tallylight.refresh_secret_async(name, **given)))
    if given.keys() <= {"key", "max_age", "deadline"}:
        calls.append(lambda: tallylight.both(name, **given))
    if given.keys() <= {"key"}:
        calls.append(lambda: tallylight.with_secret(name, lambda _: None, **given))
    for call in calls:
        assert_refused(call, tallylight.InvalidValueError, vector)


@each(VECTORS["names"])
def test_a_text_that_is_no_unicode_is_no_name(vector: dict[str, Any]) -> None:
    name = real(vector["name"])
    calls: list[Callable[[], object]] = [
        lambda: tallylight.get_secret(name),
        lambda: tallylight.peek(name),
        lambda: tallylight.get_secret_sync(name),
        lambda: tallylight.refresh_secret(name),
        lambda: tallylight.both(name),
        lambda: tallylight.prefetch_secrets([name]),
        lambda: tallylight.with_secret(name, lambda _: None),
        lambda: tallylight.set_secret_override(name, "x"),
        lambda: tallylight.clear_secret_override(name),
        lambda: tallylight.on_secret_change(print, name),
    ]
    for call in calls:
        assert_refused(call, tallylight.InvalidNameError, vector)


@each(VECTORS["overrides"])
def test_an_override_that_no_secret_can_be_is_refused_and_the_one_before_stands(
    vector: dict[str, Any],
) -> None:
    name = "python-overrides"
    tallylight.set_secret_override(name, "before")
    value = real(vector["value"])
    assert_refused(
        lambda: tallylight.set_secret_override(name, value), tallylight.InvalidValueError, vector
    )

    def block() -> None:
        with tallylight.secret_overrides({name: value}):
            pass

    assert_refused(block, tallylight.InvalidValueError, vector)
    assert tallylight.get_secret_sync(name).reveal() == "before"


@each(VECTORS["definitions"]["valid"])
def test_a_definition_is_taken(vector: dict[str, Any]) -> None:
    given = real(vector["definition"])
    definitions: list[Any] = [given, tuple(given)] if isinstance(given, list) else [given]
    for definition in definitions:
        one = tallylight.define_secrets({"one": definition}).one
        assert (one.name, one.key) == (vector["name"], vector["key"])
        same = tallylight.define_secrets(one=definition).one
        assert (same.name, same.key) == (one.name, one.key)
        # An accessor is a definition too.
        assert tallylight.define_secrets({"other": one}).other is one


@each(VECTORS["definitions"]["invalid"])
def test_a_definition_that_is_none_is_refused(vector: dict[str, Any]) -> None:
    definition = real(vector["definition"])
    with pytest.raises(tallylight.TallylightError) as refused:
        tallylight.define_secrets({"one": definition})
    assert refused.value.code == vector["error"], str(refused.value)
    with pytest.raises(tallylight.TallylightError):
        tallylight.define_secrets(one=definition)


@pytest.mark.parametrize("definitions", [None, 5, "x", ["a"], {5: "a"}])
def test_definitions_that_are_none_are_refused(definitions: Any) -> None:
    with pytest.raises(tallylight.InvalidValueError, match="define_secrets"):
        tallylight.define_secrets(definitions)


def test_an_accessor_is_checked_when_it_is_made() -> None:
    anything: Any = 5
    with pytest.raises(tallylight.InvalidNameError):
        tallylight.SecretAccessor(anything)
    with pytest.raises(tallylight.InvalidValueError):
        tallylight.SecretAccessor("prod/db", key="")


@each(VECTORS["settings"])
def test_settings_that_cannot_be_are_refused(vector: dict[str, Any]) -> None:
    settings: Any = options(vector["settings"])
    assert_refused(
        lambda: tallylight.init(secrets=settings), tallylight.InvalidConfigError, vector
    )


def test_an_override_answers_whatever_is_asked_of_it() -> None:
    name = "python-answers"
    tallylight.set_secret_override(name, "mine")
    assert tallylight.get_secret(name, max_age=0).source == "override"
    assert tallylight.refresh_secret(name).source == "override"
    assert tallylight.both(name).current.source == "override"

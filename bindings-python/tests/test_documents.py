"""The documents are plain dicts, valid by the schema and as the types say."""

from __future__ import annotations

import json
import typing
from typing import Any, get_type_hints

import jsonschema
import pytest
from conftest import ROOT, RunPython

import tallylight
from tallylight import documents

SCHEMA = ROOT / "docs" / "reference" / "status.schema.json"

TRAFFIC = """
        import json, sys, tallylight
        tallylight.init(service="shop", environment="test")
        if sys.argv[1] == "busy":
            for kind in ("server", "client", "model", "job", "internal"):
                operation = tallylight.operation("work", {"kind": kind}, kind=kind)
                for number in range(100):
                    operation.record(number / 7)
                operation.record_error(5, "TimeoutError")
            tallylight.counter("tokens", unit="1").add(5)
            tallylight.gauge("depth").set(-0.5)
            tallylight.histogram("cost", unit="USD", scale=1e6).record(0.25)
            operation.record("bad")
        documents = tallylight.status(), tallylight.snapshot(), tallylight.drops()
        print(json.dumps(documents))
"""


@pytest.fixture(params=["idle", "busy"])
def read(request: pytest.FixtureRequest, run_python: RunPython) -> list[Any]:
    documents: list[Any] = json.loads(run_python(TRAFFIC, request.param))
    return documents


def test_the_status_document_is_valid_by_the_schema(read: list[Any]) -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.validators.validator_for(schema).check_schema(schema)
    jsonschema.validate(read[0], schema)


def conforms(value: Any, kind: Any, at: str) -> None:
    """Checks a value against a type of ``tallylight.documents``, all the way down."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if typing.is_typeddict(kind):
        assert isinstance(value, dict), at
        hints = get_type_hints(kind)
        assert kind.__required_keys__ <= set(value) <= set(hints), at
        for key, part in value.items():
            conforms(part, hints[key], f"{at}.{key}")
    elif origin is list:
        for number, part in enumerate(value):
            conforms(part, arguments[0], f"{at}[{number}]")
    elif origin is dict:
        for key, part in value.items():
            assert type(key) is arguments[0], at
            conforms(part, arguments[1], f"{at}.{key}")
    elif origin is typing.Literal:
        assert value in arguments, at
    elif arguments:
        for argument in arguments:
            try:
                return conforms(value, argument, at)
            except AssertionError:
                continue
        raise AssertionError(f"{at}: {value!r} is no {kind}")
    elif kind is float:
        assert type(value) in (int, float), at
    else:
        assert type(value) is kind or (kind is type(None) and value is None), at


def test_the_documents_are_as_their_types_say(read: list[Any]) -> None:
    status, snapshot, drops = read
    conforms(status, documents.Status, "status")
    conforms(snapshot, documents.Snapshot, "snapshot")
    conforms(drops, documents.Drops, "drops")


def test_figures_are_those_recorded(read: list[Any]) -> None:
    status = read[0]
    assert status["process"]["runtime"] == "python"
    if status["metrics"]["totalRequests"] == 0:
        assert set(status["metrics"].values()) == {0}
        return
    assert status["metrics"]["totalRequests"] == 101
    assert status["metrics"]["errorRate"] == 0.99
    assert status["models"]["totalCalls"] == 101
    assert status["telemetry"]["drops"]["not_a_number"] == 1
    assert [row["type"] for row in status["errors"]] == ["TimeoutError"] * 5
    assert status["counters"][0]["value"] == 5
    assert status["gauges"][0]["value"] == -0.5
    assert status["histograms"][0]["sum"] == 0.25


def test_a_document_is_the_callers_to_change() -> None:
    changed = tallylight.status()
    changed["operations"].clear()
    changed["metrics"]["totalRequests"] = -1
    assert tallylight.status()["metrics"]["totalRequests"] >= 0

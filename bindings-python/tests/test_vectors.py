"""The shared vectors give the answers here that they give in Rust and Node.

``tests/vectors/README.md`` describes the format; names are made distinct, since all cases share
the process-wide instance.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, series

import tallylight

VECTORS = ROOT / "tests" / "vectors"


def load(file: str) -> Any:
    return json.loads((VECTORS / file).read_text(encoding="utf-8"))


def cases(file: str) -> pytest.MarkDecorator:
    vectors = load(file)
    return pytest.mark.parametrize("case", vectors, ids=[case.get("name") for case in vectors])


def number(value: Any) -> float:
    """JSON has no names for these."""
    return float(value) if isinstance(value, str) else value


def text(value: Any) -> str:
    return str(value["chars"] * value["times"] if isinstance(value, dict) else value)


def labels(value: dict[str, Any]) -> dict[str, str]:
    if isinstance(value.get("labels"), int):
        return {f"k{number}": "" for number in range(value["labels"])}
    return {key: text(part) for key, part in value.items()}


def same(found: Any, expected: Any, at: str) -> None:
    """Floating-point figures to 9 significant digits, everything else exactly."""
    exactly = at.rpartition(".")[2] in ("count", "sum", "max", "errors", "value")
    if isinstance(found, float) and not exactly:
        assert math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12), at
    else:
        assert found == expected, at


@cases("operations.json")
def test_operations(case: dict[str, Any], name: str) -> None:
    operation = tallylight.operation(name, kind=case["kind"])
    for step in case["steps"]:
        if "recordError" in step:
            ms, error_type = step["recordError"]
            operation.record_error(number(ms), error_type)
        else:
            for _ in range(step.get("repeat", 1)):
                operation.record(number(step["record"]))
    row: dict[str, Any] = dict(series(name))
    (status,) = (row for row in tallylight.status()["operations"] if row["name"] == name)
    for field, expected in case["expect"].items():
        if field != "status":
            same(row[field], expected, field)
    for field, expected in case["expect"].get("status", {}).items():
        same(status[field], expected, f"status.{field}")  # type: ignore[literal-required]


@cases("histograms.json")
def test_histograms(case: dict[str, Any], name: str) -> None:
    histogram = tallylight.histogram(name, scale=case["scale"])
    for value in case["values"]:
        histogram.record(number(value))
    row: dict[str, Any] = dict(series(name))
    for field, expected in case["expect"].items():
        same(row[field], expected, field)


@cases("counters.json")
def test_counters(case: dict[str, Any], name: str) -> None:
    counter = tallylight.counter(name, scale=case["scale"])
    for amount in case["adds"]:
        counter.add(number(amount))
    assert series(name)["value"] == case["expect"]["value"]


@cases("gauges.json")
def test_gauges(case: dict[str, Any], name: str) -> None:
    gauge = tallylight.gauge(name)
    for step in case["steps"]:
        for call, value in step.items():
            getattr(gauge, call)(number(value))
    assert series(name)["value"] == case["expect"]["value"]


@cases("drops.json")
def test_drops(case: dict[str, Any], name: str) -> None:
    instrument: Any = getattr(tallylight, case["instrument"])(name)
    record = getattr(instrument, {"counter": "add", "gauge": "set"}.get(case["instrument"], "record"))
    before: dict[str, Any] = dict(tallylight.drops())
    for value in case["values"]:
        record(number(value))
    after: dict[str, Any] = dict(tallylight.drops())
    grown = {key: after[key] - before[key] for key in after if after[key] != before[key]}
    clamped = {"clamped": case["clamped"]} if case["clamped"] else {}
    assert grown == {**case["drops"], **clamped}
    row: dict[str, Any] = dict(series(name))
    for field in ("count", "value"):
        if field in case:
            assert row[field] == case[field]


def test_names_labels_and_kinds() -> None:
    names = load("names.json")
    for valid in names["valid"]:
        tallylight.counter(text(valid), {"from": "the vectors"})
    for invalid in names["invalidNames"]:
        with pytest.raises(tallylight.InvalidNameError) as refused_name:
            tallylight.counter(text(invalid))
        assert refused_name.value.code == "invalid_name"
    for valid in names["validLabels"]:
        tallylight.counter("labels of the vectors", labels(valid))
    for at, (value, expected) in enumerate(names["labelTexts"]):
        tallylight.counter(f"label texts {at}", {"value": number(value)})
        assert series(f"label texts {at}", {"value": expected})["value"] == 0
    for invalid in names["invalidLabels"]:
        with pytest.raises(tallylight.InvalidLabelError) as refused_labels:
            tallylight.counter("labels of the vectors", labels(invalid))
        assert refused_labels.value.code == "invalid_label"
    for invalid in names["invalidKinds"]:
        with pytest.raises(tallylight.InvalidValueError) as refused_kind:
            tallylight.operation("kinds of the vectors", kind=invalid)
        assert refused_kind.value.code == "invalid_value"


def test_every_file_of_vectors_has_its_test() -> None:
    files = Path(__file__).parent.glob("test_*.py")
    tests = "".join(path.read_text(encoding="utf-8") for path in files)
    assert [path.name for path in VECTORS.glob("*.json") if path.name not in tests] == []

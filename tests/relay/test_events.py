"""Every event that leaves as `scrub_events.json` has it is one that Sentry's servers take."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from relay import complaints, leaks, normalized

VECTORS = Path(__file__).parents[1] / "vectors" / "scrub_events.json"
CASES = json.loads(VECTORS.read_text(encoding="utf-8"))["cases"]
IDS = [case["name"] for case in CASES]

each_case = pytest.mark.parametrize("case", CASES, ids=IDS)


@each_case
def test_a_server_finds_nothing_wrong(case: dict[str, Any]) -> None:
    assert complaints(case["expect"]) == []


@each_case
def test_a_server_cuts_nothing_more(case: dict[str, Any]) -> None:
    event = copy.deepcopy(case["expect"])
    # Servers keep 256 characters of a URL; ours is whole for those that do not cut.
    event.get("request", {}).pop("url", None)
    assert complaints(event, trims=True) == []


@each_case
def test_a_server_scrubs_nothing_more(case: dict[str, Any]) -> None:
    if case.get("sendDefaultPii"):
        pytest.skip("people are told of on purpose")
    event = copy.deepcopy(case["expect"])
    # What an application tells of its user is told on purpose.
    event.pop("user", None)
    assert leaks(event) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"message": "m", "level": "warn"},
        {"message": "m", "platform": "rust"},
        {"message": "m", "tags": {"a": "x\ny"}},
        {"message": "m", "contexts": {"a": "text"}},
        {"exception": {"values": [{"module": "m"}]}},
        {"exception": {"values": [{"type": "E", "stacktrace": {"frames": []}}]}},
    ],
)
def test_the_oracle_sees_what_is_wrong(broken: dict[str, Any]) -> None:
    assert complaints(broken)


def test_the_oracle_sees_what_is_cut_and_what_leaks() -> None:
    assert complaints({"message": "x" * 9_000}, trims=True)
    assert leaks({"message": "m", "extra": {"password": "hunter2", "card": "4111 1111 1111 1111"}})


def test_causes_keep_their_order_and_ids() -> None:
    case = next(case for case in CASES if case["name"] == "a chain of causes and a group")
    before = case["event"]["exception"]["values"]
    after = normalized(case["expect"])["exception"]["values"]
    assert [it["type"] for it in after] == [it["type"] for it in before]
    for field in ("exception_id", "parent_id", "is_exception_group", "source"):
        assert [it["mechanism"].get(field) for it in after] == [
            it["mechanism"].get(field) for it in before
        ]

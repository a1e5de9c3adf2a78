"""What leaves through this face is scrubbed and cut as `scrub_events.json` says for every language."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import ROOT
from errors_support import Receiver, RunCaptured, needs_receiver, receiver, run_captured

__all__ = ["receiver", "run_captured"]

pytestmark = needs_receiver

VECTORS = ROOT / "tests/vectors/scrub_events.json"
CASES: list[dict[str, Any]] = json.loads(VECTORS.read_text(encoding="utf-8"))["cases"]


@pytest.mark.parametrize("pii", [False, True])
def test_events_leave_as_the_vectors_say(
    pii: bool, run_captured: RunCaptured, receiver: Receiver
) -> None:
    cases = [case for case in CASES if bool(case.get("sendDefaultPii")) is pii]
    numbers = {f"{number:032x}": case for number, case in enumerate(cases, 1)}
    done = run_captured(
        """
        import json, sys
        pii, vectors = sys.argv[1:]
        init(before_send=None, send_default_pii=pii == "True")
        cases = json.load(open(vectors, encoding="utf-8"))["cases"]
        cases = [case for case in cases if str(bool(case.get("sendDefaultPii"))) == pii]
        for number, case in enumerate(cases, 1):
            tallylight.capture_event({**case["event"], "event_id": f"{number:032x}"})
        print(json.dumps(tallylight.flush(20_000)))
        """,
        args=(str(pii), str(VECTORS)),
        TALLYLIGHT_DSN=receiver.dsn,
    )
    assert json.loads(done.out)["sent"] == len(cases), done.out
    kinds = ("event", "transaction")
    arrived = [item["payload"] for kind in kinds for item in receiver.items(kind)]
    assert {event["event_id"] for event in arrived} == numbers.keys()
    for event in arrived:
        case = numbers[event["event_id"]]
        for field, expected in case["expect"].items():
            # What an event no longer says, the core says of the process.
            if expected is None or field in {"event_id", "contexts", "sdk"}:
                continue
            assert event[field] == expected, (case["name"], field)
        # What the core knows of the process stands beside it.
        contexts = case["expect"].get("contexts", {})
        assert {name: event["contexts"][name] for name in contexts} == contexts, case["name"]

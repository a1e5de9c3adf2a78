"""Headers and samples as all languages answer them: tests/vectors/propagation.json, sampling.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tallylight
from tallylight import _native

from conftest import RunPython

VECTORS = Path(__file__).parents[2] / "tests" / "vectors"


def cases(name: str) -> Any:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", cases("propagation.json")["incoming"], ids=lambda case: case["what"])
def test_headers_are_read_as_the_vectors_say_and_go_on(case: dict[str, Any]) -> None:
    headers = case["headers"]
    if case["what"] == "a trace of another organisation":
        pytest.skip("this process has no organisation; Rust and Node, which set one, try it")
    out = tallylight.continue_trace(headers, lambda: tallylight.trace_headers())
    trace, span, *flag = out["sentry-trace"].split("-")
    if case["traceId"] is None:
        # A trace of its own: none that came in.
        assert trace not in headers.get("sentry-trace", "").lower() + headers.get("traceparent", "").lower()
        return
    assert trace == case["traceId"]
    assert span != case["parentSpanId"]
    assert flag == ([] if case["sampled"] is None else [str(int(case["sampled"]))])
    if case["baggage"] is not None:
        assert out.get("baggage", "") == case["baggage"]
    read = _native._trace_incoming(
        headers.get("sentry-trace"), headers.get("baggage"), headers.get("traceparent")
    )
    assert read[:3] == (case["traceId"], case["parentSpanId"], case["sampled"])
    assert read[3] == case["sampleRate"]
    if case["sampleRand"] is not None:
        assert read[4] == case["sampleRand"]


@pytest.mark.parametrize("rate", sorted({case["rate"] for case in cases("sampling.json")}))
def test_the_sample_is_the_one_of_the_vectors(rate: float, run_python: RunPython) -> None:
    ours = [case for case in cases("sampling.json") if case["rate"] == rate]
    # The rate is a process's own.
    out = run_python(
        """
        import json, sys, tallylight
        from tallylight import _native
        rate, cases = json.loads(sys.argv[1])
        tallylight.init(errors={"traces_sample_rate": rate})
        for case in cases:
            asked = None if case["asked"] is None else float(case["asked"])
            sampled, rate, _ = _native._trace_start(case["rand"], case["parent"], case["parentRate"], asked)
            print(json.dumps([sampled, rate]))
        """,
        json.dumps([rate, ours]),
    )
    answers = [json.loads(line) for line in out.split("\n")]
    assert answers == [[case["sampled"], case["sampleRate"]] for case in ours]

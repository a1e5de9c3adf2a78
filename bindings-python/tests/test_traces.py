"""Spans and transactions: how they nest, what is captured of them, what is measured, how a trace comes
in and goes on."""

from __future__ import annotations

import asyncio
import contextvars
import json
import threading
from collections.abc import AsyncGenerator, Generator, Iterator
from typing import Any

import pytest
from conftest import ROOT, RunPython

import tallylight as t
from tallylight import _native
from tallylight._capture_settings import settings
from tallylight.documents import OperationRow

Event = dict[str, Any]

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Event]]:
    """The transactions of a test, all in the sample, as the core is handed them; none goes on."""
    events: list[Event] = []

    def capture(category: str, id: str, event: Event, files: Any, trace: Any, profile: Any) -> str:
        event = json.loads(_native._json(event))
        events.append({**event, "_category": category, "_id": id, "_trace": trace, "_profile": profile})
        return "queued"

    monkeypatch.setattr(settings, "is_read", True)
    monkeypatch.setattr(settings, "traces_sampler", lambda context: True, raising=False)
    monkeypatch.setattr(_native, "_capture", capture)
    yield events


def row(name: str) -> OperationRow | None:
    return next((row for row in t.status()["operations"] if row["name"] == name), None)


def known(name: str) -> OperationRow:
    found = row(name)
    assert found is not None
    return found


def test_spans_nest_as_the_calls_do(sent: list[Event], name: str) -> None:
    async def branch(number: int) -> None:
        async with t.start_span(f"branch {number}", op="function"):
            await asyncio.sleep((3 - number) / 1e3)
            with t.start_span(f"leaf {number}"):
                pass

    async def main() -> None:
        with t.start_span(name, op="http.server", attributes={"route": "/nest", "none": None}) as root:
            await asyncio.gather(*(branch(number) for number in (1, 2, 3)))
            assert t.active_span() is root

    asyncio.run(main())
    assert t.active_span() is None
    (event,) = sent
    assert (event["type"], event["transaction"]) == ("transaction", name)
    assert event["event_id"] == event["_id"]
    trace = event["contexts"]["trace"]
    assert (trace["op"], trace["status"], trace["data"]) == ("http.server", "ok", {"route": "/nest"})
    spans = {span["description"]: span for span in event["spans"]}
    assert len(spans) == 6
    for number in (1, 2, 3):
        assert spans[f"branch {number}"]["parent_span_id"] == trace["span_id"]
        assert spans[f"leaf {number}"]["parent_span_id"] == spans[f"branch {number}"]["span_id"]
    for span in spans.values():
        assert span["trace_id"] == trace["trace_id"]
        assert event["start_timestamp"] <= span["start_timestamp"] <= span["timestamp"]
        assert span["timestamp"] <= event["timestamp"]


def test_it_decorates_every_sort_of_function(sent: list[Event], name: str) -> None:
    class Service:
        @t.start_span(name)
        def method(self, x: int) -> tuple[Service, int]:
            return self, x

        @t.start_span(name)
        @staticmethod
        def static(x: int) -> int:
            return x

    @t.start_span(name)
    async def coroutine(x: int) -> int:
        await asyncio.sleep(0)
        return x

    @t.start_span(name)
    def generator(n: int) -> Generator[int, int, str]:
        got = 0
        for i in range(n):
            got += yield i
        return f"{got}"

    @t.start_span(name)
    async def async_generator(n: int) -> AsyncGenerator[int, None]:
        for i in range(n):
            with t.start_span("inside"):
                yield i

    service = Service()
    assert service.method(1) == (service, 1)
    assert Service.static(2) == 2
    assert asyncio.run(coroutine(3)) == 3
    assert coroutine.__name__ == "coroutine"

    running = generator(2)
    assert next(running) == 0
    assert t.active_span() is None, "not while its reader works"
    assert running.send(5) == 1
    with pytest.raises(StopIteration) as end:
        running.send(6)
    assert end.value.value == "11"

    async def read() -> list[int]:
        return [x async for x in async_generator(2)]

    assert asyncio.run(read()) == [0, 1]
    assert [event["transaction"] for event in sent] == [name] * 5
    assert [span["description"] for span in sent[-1]["spans"]] == ["inside", "inside"]
    with pytest.raises(TypeError):
        t.start_span(name)(Service)


def test_what_is_raised_goes_on_and_is_a_failure(sent: list[Event], name: str) -> None:
    with pytest.raises(LookupError), t.start_span(name):
        raise KeyError("x")
    trace = sent[-1]["contexts"]["trace"]
    assert (trace["status"], trace["data"]["error.type"]) == ("internal_error", "KeyError")

    async def cancelled() -> None:
        with t.start_span(name):
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    assert sent[-1]["contexts"]["trace"]["status"] == "cancelled"
    found = known(name)
    assert (found["count"], found["errorsByType"]) == (2, {"KeyError": 1})


def test_it_is_measured_once_sampled_or_not(
    sent: list[Event], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with t.start_span(name, op="http.server"):
        pass
    monkeypatch.setattr(settings, "traces_sampler", lambda context: 0)
    with t.start_span(name, op="http.server"), t.start_span("child") as child:
        assert not child.is_recording
    assert len(sent) == 1
    found = known(name)
    assert (found["kind"], found["count"], len(found["exemplars"])) == ("server", 2, 1)
    assert found["exemplars"][0]["traceId"] == sent[0]["contexts"]["trace"]["trace_id"]
    assert found["exemplars"][0]["eventId"] == sent[0]["event_id"]
    with t.start_span(f"{name} not", measured=False):
        pass
    assert row(f"{name} not") is None


def test_a_status_is_a_failure_only_where_the_service_failed(sent: list[Event], name: str) -> None:
    for status, errors in (("not_found", 0), ("unavailable", 1), ("error", 2)):
        with t.start_span(name) as span:
            span.set_status(status)
        assert known(name)["errors"] == errors
    with t.start_span(name) as span:
        span.fail("RateLimited")
    assert known(name)["errorsByType"]["RateLimited"] == 1


def test_an_operation_of_another_kind_is_a_counted_drop(sent: list[Event], name: str) -> None:
    t.operation(name, kind="job")
    before = t.drops()["refused"]
    with t.start_span(name, kind="server"):
        pass
    assert t.drops()["refused"] == before + 1


def test_a_thousand_spans_are_kept_and_the_rest_is_a_number(sent: list[Event], name: str) -> None:
    with t.start_span(name):
        for i in range(1_250):
            with t.start_span(f"span {i}"):
                pass
        late = t.start_inactive_span("late")
    late.end()
    (event,) = sent
    assert len(event["spans"]) == 1_000
    assert event["contexts"]["trace"]["data"]["tallylight.dropped_spans"] == 251


def test_what_goes_on_after_its_transaction_is_another_of_its_trace(
    sent: list[Event], name: str
) -> None:
    with t.start_span(name):
        context = contextvars.copy_context()

    def later() -> None:
        with t.start_span("after"):
            pass

    context.run(later)
    first, after = (event["contexts"]["trace"] for event in sent)
    assert after["trace_id"] == first["trace_id"]
    assert after["parent_span_id"] == first["span_id"]


def test_threads_have_spans_of_their_own(sent: list[Event], name: str) -> None:
    def work() -> None:
        with t.start_span("in a thread"):
            pass

    with t.start_span(name):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert {event["transaction"] for event in sent} >= {name}


def cases(file: str) -> Any:
    return json.loads((ROOT / "tests" / "vectors" / f"{file}.json").read_text())


@pytest.mark.parametrize("case", cases("propagation")["incoming"], ids=lambda case: case["what"])
def test_headers_are_read_as_the_vectors_say(case: dict[str, Any]) -> None:
    headers = case["headers"]
    if "org_id" in headers.get("baggage", ""):
        pytest.skip("this process has no organisation")
    with t.continue_trace(headers):
        out = t.trace_headers()
    trace_id, span_id, *flag = out["sentry-trace"].split("-")
    if case["traceId"] is None:
        assert trace_id != TRACE
        return
    assert trace_id == case["traceId"]
    assert span_id != case["parentSpanId"]
    assert flag == ([] if case["sampled"] is None else [str(int(case["sampled"]))])
    if case["baggage"] is not None:
        assert out.get("baggage", "") == case["baggage"]
    read = _native._trace_incoming(*map(headers.get, ("sentry-trace", "baggage", "traceparent")))
    assert read[3] == case["sampleRate"]
    if case["sampleRand"] is not None:
        assert read[4] == case["sampleRand"]


def test_the_sample_is_the_one_of_the_vectors(run_python: RunPython) -> None:
    by_rate: dict[float, list[Any]] = {}
    for case in cases("sampling"):
        by_rate.setdefault(case["rate"], []).append(case)
    for rate, group in by_rate.items():
        given = [
            [one["rand"], one["parent"], one["parentRate"], one["asked"] and float(one["asked"])]
            for one in group
        ]
        out = run_python(
            """
            import sys, json
            import tallylight
            from tallylight import _native
            tallylight.init(errors={"dsn": "", "spool": False, "traces_sample_rate": float(sys.argv[1])})
            nan = {"NaN": float("nan"), "Infinity": float("inf")}
            print(json.dumps([_native._trace_start(*one)[:2] for one in json.loads(sys.argv[2])]))
            """,
            str(rate),
            json.dumps(given),
        )
        assert json.loads(out) == [[one["sampled"], one["sampleRate"]] for one in group]


def test_a_transaction_continues_a_trace_and_hands_it_on(sent: list[Event], name: str) -> None:
    baggage = f"sentry-trace_id={TRACE},sentry-public_key=theirs,sentry-sample_rate=0.5"
    environ = {"HTTP_SENTRY_TRACE": f"{TRACE}-{SPAN}-1", "HTTP_BAGGAGE": f"other=1,{baggage}"}
    with t.continue_trace(environ), t.start_span(name) as span:
        out = t.trace_headers(baggage="mine=1")
        assert span.trace_id == TRACE
    assert out == {
        "sentry-trace": f"{TRACE}-{span.span_id}-1",
        "baggage": f"mine=1,{baggage}",
        "traceparent": f"00-{TRACE}-{span.span_id}-01",
    }
    assert sent[0]["contexts"]["trace"]["parent_span_id"] == SPAN
    assert json.loads(sent[0]["_trace"]) == {
        "trace_id": TRACE,
        "public_key": "theirs",
        "sample_rate": "0.5",
    }
    assert t.continue_trace({"traceparent": f"00-{TRACE}-{SPAN}-01"}, lambda: 5) == 5


def test_errors_belong_to_their_span(sent: list[Event], name: str) -> None:
    with t.start_span(name) as span:
        t.capture_exception(ValueError("x"))
    error = next(event for event in sent if event["_category"] == "error")
    assert error["contexts"]["trace"]["span_id"] == span.span_id
    assert error["transaction"] == name
    with t.continue_trace({"sentry-trace": f"{TRACE}-{SPAN}"}):
        t.capture_exception(ValueError("y"))
    assert sent[-1]["contexts"]["trace"]["parent_span_id"] == SPAN


def test_a_sampler_is_told_and_its_fault_samples_nothing(
    sent: list[Event], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, Any]] = []

    def sampler(context: dict[str, Any]) -> float:
        told.append(context)
        raise RuntimeError("on purpose")

    monkeypatch.setattr(settings, "traces_sampler", sampler)
    monkeypatch.setattr("sys.unraisablehook", lambda unraisable: None)
    with t.continue_trace({"sentry-trace": f"{TRACE}-{SPAN}-1"}), t.start_span(name, op="task"):
        pass
    assert sent == []
    (context,) = told
    assert (context["name"], context["op"], context["parent_sampled"]) == (name, "task", True)


@pytest.mark.filterwarnings("ignore")
def test_nonsense_never_raises(sent: list[Event]) -> None:
    bad: Any
    for bad in (None, 7, b"x", "", "x" * 500):
        with t.start_span(bad, op=bad, attributes=bad) as span:
            span.set_attributes(bad).set_attribute(bad, object()).set_status(bad).update_name(bad)
    for bad in (None, 7, {}, {"sentry-trace": 5}):
        with t.continue_trace(bad):
            pass
        assert "sentry-trace" in t.trace_headers()


def test_a_profile_goes_with_the_transaction_that_is_profiled(run_python: RunPython) -> None:
    out = run_python(
        """
        import json, time
        import tallylight
        from tallylight import _native
        taken = []
        def capture(category, id, event, files, trace, profile):
            taken.append([id, event, profile])
            return "queued"
        _native._capture = capture
        tallylight.init(errors={"dsn": "", "spool": False, "traces_sample_rate": 1.0, "profiles_sample_rate": 1.0})
        def busy():
            until = time.perf_counter() + 0.2
            while time.perf_counter() < until:
                sum(range(500))
        with tallylight.start_span("busy"):
            busy()
        print(json.dumps(taken))
        """
    )
    ((id, event, text),) = json.loads(out)
    profile = json.loads(text)
    assert (profile["version"], profile["platform"]) == ("1", "python")
    assert profile["transaction"]["id"] == id
    assert profile["transaction"]["trace_id"] == event["contexts"]["trace"]["trace_id"]
    samples, stacks = profile["profile"]["samples"], profile["profile"]["stacks"]
    frames = profile["profile"]["frames"]
    assert len(samples) >= 2
    leaves = {frames[stacks[sample["stack_id"]][0]]["function"] for sample in samples}
    assert "busy" in leaves
    elapsed = [int(sample["elapsed_since_start_ns"]) for sample in samples]
    assert elapsed == sorted(elapsed)

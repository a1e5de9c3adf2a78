"""Calls of models: metrics under OpenTelemetry's names, a span with what the call was for, streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from test_traces import Event, sent

import tallylight as t

__all__ = ["sent"]


class Measured:
    """What the status says of the calls of one model."""

    def __init__(self, model: str) -> None:
        self.model = model

    def _rows(self, list_: Any, name: str) -> list[Any]:
        return [
            row
            for row in list_
            if row["name"] == name and row["labels"].get("gen_ai.request.model") == self.model
        ]

    def row(self) -> Any:
        found = self._rows(t.status()["operations"], "gen_ai.client.operation.duration")
        return found[0] if found else None

    def tokens(self, kind: str) -> Any:
        rows = self._rows(t.status()["histograms"], "gen_ai.client.token.usage")
        found = [row for row in rows if row["labels"]["gen_ai.token.type"] == kind]
        return found[0]["sum"] if found else None

    def first(self) -> Any:
        name = "gen_ai.client.operation.time_to_first_chunk"
        found = self._rows(t.status()["histograms"], name)
        return found[0]["count"] if found else None


async def stream(count: int, error: Exception | None = None) -> AsyncIterator[int]:
    for i in range(count):
        await asyncio.sleep(0.001)
        yield i
    if error is not None:
        raise error


def test_a_call_is_measured_and_its_span_says_what_for(sent: list[Event], name: str) -> None:
    measured = Measured(name)
    with t.track_model_call(
        provider="gcp.gemini",
        model=name,
        operation="generate_content",
        analysis_id="A-1",
        input_size=1234,
        attributes={"tier": "gold"},
    ) as call:
        call.tokens(120, 30).response_model("other").prompt("a secret prompt")
    row = measured.row()
    assert (row["kind"], row["count"], row["errors"]) == ("model", 1, 0)
    assert (measured.tokens("input"), measured.tokens("output"), measured.first()) == (120, 30, None)
    trace = sent[0]["contexts"]["trace"]
    assert trace["op"] == "gen_ai.generate_content"
    assert sent[0]["transaction"] == f"generate_content {name}"
    assert trace["data"] == {
        "tier": "gold",
        "gen_ai.operation.name": "generate_content",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": name,
        "gen_ai.response.model": "other",
        "analysis.id": "A-1",
        "analysis.input_size": 1234,
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 30,
        "gen_ai.usage.total_tokens": 150,
    }
    assert row["exemplars"][0]["traceId"] == trace["trace_id"]
    assert "secret prompt" not in repr(sent)


def test_a_function_is_a_call_in_its_transaction(sent: list[Event], name: str) -> None:
    async def ask(call: t.ModelCall) -> int:
        with t.start_span("http"):
            await asyncio.sleep(0)
        return 5

    async def main() -> None:
        with t.start_span("POST /analyze"):
            assert await t.track_model_call(ask, provider="p", model=name) == 5

    asyncio.run(main())
    (event,) = sent
    http, model = event["spans"]
    assert model["op"] == "gen_ai.chat"
    assert http["parent_span_id"] == model["span_id"]
    assert model["parent_span_id"] == event["contexts"]["trace"]["span_id"]
    assert Measured(name).row()["exemplars"][0]["eventId"] == event["event_id"]


def test_failures_count_by_type_and_what_is_none_as_a_call(sent: list[Event], name: str) -> None:
    class ClientGone(Exception):
        pass

    def is_failure(error: BaseException) -> bool:
        return not isinstance(error, ClientGone)

    for error in (ValueError, ClientGone, asyncio.CancelledError):
        with (
            pytest.raises(error),
            t.track_model_call(provider="p", model=name, is_failure=is_failure),
        ):
            raise error
    statuses = [event["contexts"]["trace"]["status"] for event in sent]
    assert statuses == ["internal_error", "cancelled", "cancelled"]
    row = Measured(name).row()
    assert (row["count"], row["errorsByType"]) == (3, {"ValueError": 1})


def test_a_stream_is_the_call_until_its_end(sent: list[Event], name: str) -> None:
    measured = Measured(name)

    async def main() -> None:
        chunks = t.track_model_call(lambda call: stream(3), provider="p", model=name)
        assert measured.row() is None, "it runs"
        assert [chunk async for chunk in chunks] == [0, 1, 2]
        assert (measured.row()["count"], measured.first()) == (1, 1)

        failing = t.track_model_call(
            lambda call: stream(1, LookupError("x")), provider="p", model=name
        )
        with pytest.raises(LookupError):
            async for _ in failing:
                pass
        assert measured.row()["errorsByType"] == {"LookupError": 1}

        left = t.track_model_call(lambda call: stream(5), provider="p", model=name)
        async for _ in left:
            break
        await left.aclose()  # type: ignore[attr-defined]
        assert (measured.row()["count"], measured.row()["errors"]) == (3, 1)

    asyncio.run(main())
    assert sent[0]["contexts"]["trace"]["data"]["gen_ai.response.streaming"] is True


def test_plain_generators_are_streams_too(sent: list[Event], name: str) -> None:
    def chunks() -> Iterator[int]:
        yield from range(3)

    measured = Measured(name)
    assert list(t.track_model_call(lambda call: chunks(), provider="p", model=name)) == [0, 1, 2]
    assert (measured.row()["count"], measured.first()) == (1, 1)

    def answer() -> Iterator[int]:
        with t.track_model_call(provider="p", model=name) as call:
            return call.stream(chunks())

    read = answer()
    assert measured.row()["count"] == 1, "the block's stream goes on"
    assert list(read) == [0, 1, 2]
    assert measured.row()["count"] == 2


def test_bad_numbers_are_left_out(sent: list[Event], name: str) -> None:
    bad: Any = "7"
    with t.track_model_call(provider="p", model=name) as call:
        call.tokens(-1, bad).tokens(True, None)
    assert Measured(name).tokens("input") is None

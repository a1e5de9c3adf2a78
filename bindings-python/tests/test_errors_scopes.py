"""Scopes: what one request or task sets is on its own events and on nobody else's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from errors_support import Event, RunCaptured, captured, run_captured

import tallylight
from tallylight._capture_settings import settings

__all__ = ["captured", "run_captured"]


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    with tallylight.with_isolation_scope() as scope:
        scope.clear()
        yield


def shown(event: Event) -> tuple[Any, Any, list[str]]:
    crumbs = [crumb["message"] for crumb in event.get("breadcrumbs", [])]
    return event.get("user", {}).get("id"), event.get("tags", {}), crumbs


def test_an_inner_layer_stands_over_an_outer_one(captured: list[Event]) -> None:
    tallylight.set_tags({"outer": 1, "both": 1})
    tallylight.set_user({"id": 1})
    tallylight.set_context("order", {"total": 1})
    tallylight.set_extra("e", 1)
    tallylight.set_level("info")
    tallylight.set_fingerprint(["outer"])
    with tallylight.with_scope() as scope:
        scope.set_tag("both", 2).set_user({"id": 2}).set_context("order", {"total": 2})
        scope.set_extra("e", 2).set_level("fatal").set_fingerprint(["inner"])
        tallylight.capture_exception(ValueError("x"), tags={"call": 3, "both": 3})
        tallylight.capture_exception(ValueError("x"))
    tallylight.capture_exception(ValueError("x"))
    first, second, third = captured
    assert first["tags"] == {"outer": "1", "both": "3", "call": "3"}
    assert second["tags"] == {"outer": "1", "both": "2"}
    assert second["user"] == {"id": 2}
    assert second["contexts"] == {"order": {"total": 2}}
    assert (second["extra"], second["level"], second["fingerprint"]) == ({"e": 2}, "fatal", ["inner"])
    assert third["tags"] == {"outer": "1", "both": "1"}
    assert (third["extra"], third["level"], third["fingerprint"]) == ({"e": 1}, "info", ["outer"])


def test_none_takes_away_and_clear_takes_all_away(captured: list[Event]) -> None:
    tallylight.set_tag("a", 1)
    tallylight.set_user({"id": 1})
    tallylight.set_context("c", {"d": 1})
    tallylight.set_tag("a", None)
    tallylight.set_user(None)
    tallylight.set_context("c", None)
    tallylight.capture_message("x")
    tallylight.set_tag("b", 1)
    tallylight.add_breadcrumb("x")
    tallylight.clear_scope()
    tallylight.capture_message("x")
    for event in captured:
        assert not {"tags", "user", "contexts", "breadcrumbs"} & event.keys()


def test_what_is_set_is_a_copy(captured: list[Event]) -> None:
    user: dict[str, Any] = {"id": 1, "roles": ["a"]}
    data = {"list": [1]}
    tallylight.set_user(user)
    tallylight.add_breadcrumb({"message": "m", "data": data})
    user["roles"].append("b")
    data["list"].append(2)
    tallylight.capture_message("x")
    assert captured[0]["user"] == {"id": 1, "roles": ["a"]}
    assert captured[0]["breadcrumbs"][0]["data"] == {"list": [1]}


def test_breadcrumbs_of_both_scopes_come_in_their_order_and_the_last_hundred(
    captured: list[Event],
) -> None:
    for at in range(250):
        tallylight.add_breadcrumb({"message": str(at), "timestamp": at})
    with tallylight.with_scope() as scope:
        scope.add_breadcrumb({"message": "between", "timestamp": 200.5})
        tallylight.capture_message("x")
    messages = [crumb["message"] for crumb in captured[0]["breadcrumbs"]]
    assert messages == [*map(str, range(151, 201)), "between", *map(str, range(201, 250))]


def test_a_breadcrumb_may_be_anything(captured: list[Event]) -> None:
    from datetime import datetime, timezone

    crumbs: list[Any] = [
        "text",
        {"message": "m", "timestamp": datetime(2024, 1, 1, tzinfo=timezone.utc)},
        {"message": 5, "data": [1], "level": None, "own": {"field": 1}},
        None,
        {},
    ]
    for crumb in crumbs:
        tallylight.add_breadcrumb(crumb)
    tallylight.capture_message("x")
    kept = captured[0]["breadcrumbs"]
    assert len(kept) == 5
    assert kept[1]["timestamp"] == 1704067200.0
    assert kept[2]["message"] == "5"
    assert kept[2]["data"] == {"value": [1], "own": {"field": 1}}
    assert all(isinstance(crumb["timestamp"], float) for crumb in kept)


def test_a_thousand_tasks_keep_apart(captured: list[Event]) -> None:
    async def request(number: int) -> None:
        tallylight.set_user({"id": number})
        tallylight.set_tag("request", number)
        tallylight.add_breadcrumb(f"begin {number}")
        await asyncio.sleep(0)
        if number % 2:
            tallylight.set_tag("odd", "yes")
        await asyncio.sleep(number % 7 / 1_000)
        tallylight.capture_exception(ValueError(str(number)))

    async def all_of_them() -> None:
        tallylight.set_tag("main", "task")
        await asyncio.gather(*(request(number) for number in range(1_000)))

    # As a program does it: nothing was entered.
    import contextvars

    contextvars.Context().run(asyncio.run, all_of_them())
    assert len(captured) == 1_000
    for event in captured:
        number = int(event["exception"]["values"][0]["value"])
        tags = {"main": "task", "request": str(number), **({"odd": "yes"} if number % 2 else {})}
        assert shown(event) == (number, tags, [f"begin {number}"])


def test_a_thousand_threads_keep_apart(captured: list[Event]) -> None:
    started = threading.Barrier(20)

    def request(first: int) -> None:
        # Fifty requests by each of twenty threads, each in a block of its own.
        started.wait()
        for number in range(first, first + 50):
            with tallylight.with_isolation_scope():
                tallylight.set_user({"id": number})
                if number % 2:
                    tallylight.set_tag("odd", number)
                tallylight.add_breadcrumb(f"begin {number}")
                tallylight.capture_exception(ValueError(str(number)))

    threads = [threading.Thread(target=request, args=(at * 50,)) for at in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(captured) == 1_000
    for event in captured:
        number = int(event["exception"]["values"][0]["value"])
        tags = {"odd": str(number)} if number % 2 else {}
        assert shown(event) == (number, tags, [f"begin {number}"])


def test_a_thread_that_sets_something_has_a_scope_of_its_own(captured: list[Event]) -> None:
    def work(number: int) -> None:
        tallylight.set_tag("thread", number)
        tallylight.capture_message("x")

    for number in range(3):
        thread = threading.Thread(target=work, args=(number,))
        thread.start()
        thread.join()
    tallylight.capture_message("main")
    assert [event.get("tags") for event in captured] == [
        {"thread": "0"},
        {"thread": "1"},
        {"thread": "2"},
        None,
    ]


def test_tasks_and_threads_inside_a_block_share_it(captured: list[Event]) -> None:
    async def request() -> None:
        with tallylight.with_isolation_scope():

            async def authenticate() -> None:
                tallylight.set_user({"id": 1})

            def look_up() -> None:
                tallylight.set_tag("cache", "miss")

            await asyncio.create_task(authenticate())
            await asyncio.to_thread(look_up)
            tallylight.capture_message("x")
        tallylight.capture_message("y")

    asyncio.run(request())
    assert shown(captured[0])[:2] == (1, {"cache": "miss"})
    assert shown(captured[1])[:2] == (None, {})


def test_callbacks_of_a_loop_keep_apart(captured: list[Event]) -> None:
    async def serve() -> None:
        loop = asyncio.get_running_loop()

        def callback(number: int) -> None:
            tallylight.set_tag(f"callback-{number}", "1")
            tallylight.capture_message("x")

        for number in range(3):
            loop.call_soon(callback, number)
        await asyncio.sleep(0.01)

    import contextvars

    contextvars.Context().run(asyncio.run, serve())
    assert [event["tags"] for event in captured] == [{f"callback-{n}": "1"} for n in range(3)]


def test_with_scope_calls_a_function_or_a_coroutine_function(captured: list[Event]) -> None:
    def plain(scope: tallylight.Scope) -> int:
        scope.set_tag("in", "plain")
        tallylight.capture_message("x")
        return 5

    async def later(scope: tallylight.Scope) -> int:
        scope.set_tag("in", "later")
        await asyncio.sleep(0)
        tallylight.capture_message("x")
        return 6

    async def both() -> None:
        assert tallylight.with_scope(plain) == 5
        assert await tallylight.with_scope(later) == 6
        assert await tallylight.with_isolation_scope(later) == 6
        async with tallylight.with_scope() as scope:
            scope.set_tag("in", "block")
            tallylight.capture_message("x")
        tallylight.capture_message("x")

    asyncio.run(both())
    assert [event.get("tags") for event in captured] == [
        {"in": "plain"},
        {"in": "later"},
        {"in": "later"},
        {"in": "block"},
        None,
    ]


def test_a_block_ends_when_it_fails_and_when_its_generator_is_dropped(
    captured: list[Event],
) -> None:
    with pytest.raises(LookupError), tallylight.with_scope() as scope:
        scope.set_tag("failed", 1)
        raise LookupError

    async def stream() -> AsyncIterator[int]:
        with tallylight.with_isolation_scope() as inner:
            inner.set_tag("stream", 1)
            yield 1
            yield 2

    async def read_one() -> None:
        async for _ in stream():
            break
        await asyncio.sleep(0)

    asyncio.run(read_one())
    tallylight.capture_message("x")
    assert "tags" not in captured[0]


def test_the_last_id_is_the_tasks_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "is_read", True)
    ids: dict[int, tuple[str, str]] = {}

    async def request(number: int) -> None:
        event_id = tallylight.capture_message("x")
        await asyncio.sleep(0)
        ids[number] = (event_id, tallylight.last_event_id())

    async def both() -> None:
        await asyncio.gather(request(1), request(2))

    monkeypatch.setattr("tallylight._native._capture", lambda *args: "spooled")
    asyncio.run(both())
    assert ids[1][0] == ids[1][1] != ids[2][0] == ids[2][1]


def test_initial_scope_is_under_all(run_captured: RunCaptured) -> None:
    done = run_captured(
        """
        init(initial_scope={"tags": {"region": "eu", "own": 0}, "user": {"id": 1},
                            "contexts": {"a": {"b": 1}}, "extra": {"e": 2}, "level": "warning"})
        tallylight.set_tag("own", 1)
        tallylight.capture_message("x")
        """
    )
    (event,) = done.events
    assert event["tags"] == {"region": "eu", "own": "1"}
    assert event["user"] == {"id": 1}
    assert event["contexts"]["a"] == {"b": 1}
    assert (event["extra"], event["level"]) == ({"e": 2}, "warning")


def test_threads_and_pools_carry_the_scopes_of_whoever_asks_them(run_captured: RunCaptured) -> None:
    done = run_captured(
        """
        import threading
        from concurrent.futures import ThreadPoolExecutor
        init()
        pool = ThreadPoolExecutor(1)

        def job(name, fails=False):
            tallylight.set_tag(f"in {name}", 1)
            tallylight.capture_message(name)
            if fails:
                raise LookupError(name)

        def request(number):
            with tallylight.with_isolation_scope():
                tallylight.set_user({"id": number})
                with tallylight.with_scope() as scope:
                    scope.set_tag("current", number)
                    pool.submit(job, f"pool {number}").result()
                    thread = threading.Thread(target=job, args=(f"thread {number}",))
                    thread.start()
                    thread.join()

        request(1)
        request(2)
        tallylight.set_tag("main", 1)
        pool.submit(job, "pool main").result()
        tallylight.capture_message("main")
        import traceback
        try:
            pool.submit(job, "failing", fails=True).result()
        except LookupError as error:
            print([frame.name for frame in traceback.extract_tb(error.__traceback__)])
        """
    )
    assert done.err == ""
    seen = [(event["message"], event.get("user", {}).get("id"), event["tags"]) for event in done.events]
    assert seen[:6] == [
        ("pool 1", 1, {"current": "1", "in pool 1": "1"}),
        ("thread 1", 1, {"current": "1", "in pool 1": "1", "in thread 1": "1"}),
        ("pool 2", 2, {"current": "2", "in pool 2": "1"}),
        ("thread 2", 2, {"current": "2", "in pool 2": "1", "in thread 2": "1"}),
        ("pool main", None, {"main": "1", "in pool main": "1"}),
        ("main", None, {"main": "1"}),
    ]
    assert "__call__" not in done.out and "submit_with_scopes" not in done.out
    assert "'run'" in done.out


def test_a_pools_jobs_without_init_keep_apart_by_blocks(captured: list[Event]) -> None:
    def job(number: int) -> None:
        with tallylight.with_isolation_scope():
            tallylight.set_tag("job", number)
            tallylight.capture_message("x")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(job, range(100)))
    assert sorted(int(event["tags"]["job"]) for event in captured) == list(range(100))
    assert all(set(event["tags"]) == {"job"} for event in captured)

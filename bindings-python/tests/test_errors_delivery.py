"""Events arrive: from exits, forks, threads and loops, and what they cost whoever waits."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from errors_support import Receiver, RunCaptured, needs_receiver, receiver, run_captured

__all__ = ["receiver", "run_captured"]

pytestmark = needs_receiver


def test_events_are_on_the_server_when_flush_says_so(
    run_captured: RunCaptured, receiver: Receiver
) -> None:
    done = run_captured(
        """
        import json
        init()
        for number in range(10):
            event_id = tallylight.capture_exception(ValueError(str(number)), tags={"n": number})
            assert len(event_id) == 32, event_id
            assert tallylight.last_event_id() == event_id
        print(json.dumps(tallylight.flush(10_000)))
        """,
        TALLYLIGHT_DSN=receiver.dsn,
        TALLYLIGHT_RELEASE="1.2.3",
        TALLYLIGHT_ENVIRONMENT="test",
    )
    delivery = json.loads(done.out)
    assert (delivery["captured"], delivery["sent"], delivery["pending"]) == (10, 10, 0)
    assert receiver.messages() == [str(number) for number in range(10)]
    event = receiver.events()[0]
    assert event["release"] == "1.2.3"
    assert event["environment"] == "test"
    assert event["server_name"]
    assert event["sdk"]["name"] == "tallylight.python"
    assert event["contexts"]["runtime"]["name"] == "CPython"
    assert event["contexts"]["runtime"]["version"].startswith("3.")
    frames = event["exception"]["values"][0]["stacktrace"]["frames"]
    assert "capture_exception(ValueError" in frames[-1]["context_line"]


def test_before_init_the_environment_holds(run_captured: RunCaptured, receiver: Receiver) -> None:
    done = run_captured(
        """
        tallylight.capture_message("early")
        init(before_send=None)
        tallylight.capture_message("late")
        """,
        SENTRY_DSN=receiver.dsn,
    )
    assert done.err == ""
    assert receiver.messages() == ["early", "late"]


def test_the_end_of_the_program_delivers(run_captured: RunCaptured, receiver: Receiver) -> None:
    done = run_captured(
        """
        import atexit
        atexit.register(lambda: tallylight.capture_message("in atexit, registered before"))
        init(shutdown_timeout=10_000)
        atexit.register(lambda: tallylight.capture_message("in atexit, registered after"))
        raise LookupError("unhandled")
        """,
        TALLYLIGHT_DSN=receiver.dsn,
    )
    assert done.code == 1
    assert "unhandled" in receiver.messages()
    assert "in atexit, registered after" in receiver.messages()
    # What came last of all is on disk, and the next start delivers it.
    run_captured("init()\ntallylight.flush(10_000)", TALLYLIGHT_DSN=receiver.dsn)
    assert "in atexit, registered before" in receiver.messages()


def test_a_hard_end_loses_nothing(run_captured: RunCaptured, receiver: Receiver) -> None:
    done = run_captured(
        """
        import os, signal
        init()
        for number in range(20):
            tallylight.capture_exception(ValueError(f"{number:02}"))
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        TALLYLIGHT_DSN=receiver.dsn,
    )
    assert done.code == -9
    run_captured("init()\ntallylight.flush(10_000)", TALLYLIGHT_DSN=receiver.dsn)
    # What was on its way when the process died may come twice, under the same id.
    arrived = {event["event_id"] for event in receiver.events()}
    assert arrived == {event["event_id"] for event in done.events}
    assert len(arrived) == 20


def test_a_dead_server_holds_up_nobody(run_captured: RunCaptured, receiver: Receiver) -> None:
    receiver.mode("hang")
    done = run_captured(
        """
        import json, time
        init(shutdown_timeout=300)
        tallylight.capture_message("x")
        started = time.monotonic()
        delivery = tallylight.flush(500)
        waited = time.monotonic() - started
        print(json.dumps([waited, delivery]))
        """,
        TALLYLIGHT_DSN=receiver.dsn,
    )
    waited, delivery = json.loads(done.out)
    assert 0.3 < waited < 5
    assert (delivery["pending"], delivery["durable"]) == (1, True)
    receiver.mode("ok")
    run_captured("init()\ntallylight.flush(10_000)", TALLYLIGHT_DSN=receiver.dsn)
    assert receiver.messages() == ["x"]


def test_close_takes_nothing_more_until_init(run_captured: RunCaptured, receiver: Receiver) -> None:
    done = run_captured(
        """
        import json
        init()
        tallylight.capture_message("before")
        print(json.dumps(tallylight.close(10_000)))
        print(tallylight.capture_message("between") == "")
        tallylight.shutdown()
        print(tallylight.capture_message("after") == "")
        print(json.dumps(tallylight.delivery()))
        """,
        TALLYLIGHT_DSN=receiver.dsn,
    )
    closed, between, after, last = map(json.loads, done.out.replace("True", "true").splitlines())
    assert (closed["sent"], closed["pending"]) == (1, 0)
    assert between and after
    assert last["reasons"] == {"closed": 2}
    assert receiver.messages() == ["before"]


def test_flush_and_close_can_be_awaited(run_captured: RunCaptured, receiver: Receiver) -> None:
    done = run_captured(
        """
        import asyncio, json
        init()
        async def main():
            ticks = 0
            async def tick():
                nonlocal ticks
                while True:
                    await asyncio.sleep(0.01)
                    ticks += 1
            ticking = asyncio.create_task(tick())
            tallylight.capture_message("x")
            first, second = await asyncio.gather(
                tallylight.flush_async(10_000), tallylight.flush_async(10_000)
            )
            last = await tallylight.close_async(10_000)
            ticking.cancel()
            print(json.dumps([first["sent"], second["sent"], last["sent"]]))
        asyncio.run(main())
        """,
        TALLYLIGHT_DSN=receiver.dsn,
    )
    assert json.loads(done.out) == [1, 1, 1]


def test_attachments_travel_with_their_event(run_captured: RunCaptured, receiver: Receiver) -> None:
    run_captured(
        """
        init()
        tallylight.capture_message("x", attachments=[
            {"filename": "a.txt", "data": "text", "content_type": "text/plain"},
            {"filename": "b.bin", "data": bytes(range(256))},
        ])
        tallylight.flush(10_000)
        """,
        TALLYLIGHT_DSN=receiver.dsn,
    )
    files = receiver.items("attachment")
    assert [item["headers"]["filename"] for item in files] == ["a.txt", "b.bin"]
    assert files[0]["headers"]["content_type"] == "text/plain"
    assert files[1]["headers"]["length"] == 256


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="there is no fork")
def test_a_forked_child_delivers_its_own(run_captured: RunCaptured, receiver: Receiver) -> None:
    done = run_captured(
        """
        import json, os
        init()
        tallylight.set_tag("set_by", "parent")
        tallylight.capture_message("parent before")
        tallylight.flush(10_000)
        child = os.fork()
        if child == 0:
            own = tallylight.delivery()["captured"]
            tallylight.set_tag("set_by", "child")
            tallylight.capture_message("child")
            sent = tallylight.flush(10_000)["sent"]
            os._exit(0 if (own, sent) == (0, 1) else 1)
        print(os.waitpid(child, 0)[1])
        tallylight.capture_message("parent after")
        print(json.dumps(tallylight.flush(10_000)))
        """,
        TALLYLIGHT_DSN=receiver.dsn,
    )
    status, delivery = done.out.splitlines()
    assert status == "0"
    assert json.loads(delivery)["sent"] == 2
    tags = {event["message"]: event["tags"]["set_by"] for event in receiver.events()}
    assert tags == {"parent before": "parent", "child": "child", "parent after": "parent"}


def test_worker_processes_deliver(run_captured: RunCaptured, receiver: Receiver) -> None:
    done = run_captured(
        """
        import multiprocessing, sys
        def work(number):
            init()
            tallylight.capture_message(f"worker {number}")
        if __name__ == "__main__":
            init()
            for method in ("fork", "spawn"):
                process = multiprocessing.get_context(method).Process(target=work, args=(method,))
                process.start()
                process.join()
                assert process.exitcode == 0, process.exitcode
        """,
        TALLYLIGHT_DSN=receiver.dsn,
    )
    assert done.code == 0, done.err
    # A child ends without waiting; its events are on disk.
    run_captured("init()\ntallylight.flush(10_000)", TALLYLIGHT_DSN=receiver.dsn)
    assert receiver.messages() == ["worker fork", "worker spawn"]


def test_without_a_server_events_stay_in_the_local_store(run_captured: RunCaptured) -> None:
    done = run_captured(
        """
        import json
        init()
        print(len(tallylight.capture_message("x")))
        print(json.dumps(tallylight.flush(1_000)))
        """
    )
    length, delivery = done.out.splitlines()
    assert length == "32"
    assert json.loads(delivery)["dropped"] == 0


def test_threads_capture_at_once(run_captured: RunCaptured, receiver: Receiver) -> None:
    done = run_captured(
        """
        import json, threading
        init(before_send=None)
        def work(first):
            for number in range(first, first + 50):
                tallylight.capture_exception(ValueError(number))
        threads = [threading.Thread(target=work, args=(at * 50,)) for at in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(json.dumps(tallylight.flush(30_000)))
        """,
        TALLYLIGHT_DSN=receiver.dsn,
        TALLYLIGHT_STORM_LIMIT="1000",
    )
    assert json.loads(done.out)["sent"] == 400, done.out
    assert len({event["event_id"] for event in receiver.events()}) == 400


def test_a_bad_dsn_is_refused_by_name_and_captures_go_on(run_captured: RunCaptured) -> None:
    done = run_captured(
        """
        try:
            init()
        except tallylight.InvalidConfigError as error:
            print(error)
        tallylight.capture_message("x")
        print("on")
        """,
        TALLYLIGHT_DSN="https://very-secret@/nothing",
    )
    assert "TALLYLIGHT_DSN" in done.out and "very-secret" not in done.out
    assert done.out.endswith("on\n")
    assert done.code == 0, sys.stderr.write(done.err)


def test_a_secret_is_nowhere_on_the_wire_or_on_disk(
    run_captured: RunCaptured, receiver: Receiver, tmp_path: Path
) -> None:
    canary = "canary-9f8e7d6c5b4a-held"
    done = run_captured(
        """
        import json, logging, sys
        canary = sys.argv[1]
        init(before_send=None, include_local_variables=True)
        tallylight.set_secret_override("x", canary)
        tallylight.get_secret("x")
        tallylight.set_tag("t", canary)
        tallylight.set_user({"id": canary})
        tallylight.set_context("c", {"k": [canary, {canary: 1}]})
        tallylight.set_extra("e", canary)
        tallylight.add_breadcrumb({"message": canary, "data": {"url": f"http://u:{canary}@h/?q={canary}"}})
        logging.getLogger().addHandler(logging.NullHandler())
        logging.error("logged %s", canary, extra={"own": canary})
        def fail(argument):
            raise ValueError(f"bad {argument}")
        try:
            fail(canary)
        except ValueError as error:
            tallylight.capture_exception(
                error, context={"analysis_id": canary}, fingerprint=[canary],
                attachments=[{"filename": "a.txt", "data": canary},
                             {"filename": "b.txt", "data": canary.encode()}])
        tallylight.capture_message(canary)
        print(json.dumps(tallylight.flush(10_000)))
        # What is still there when the process ends is on disk.
        tallylight.capture_message(canary)
        """,
        args=(canary,),
        TALLYLIGHT_DSN=receiver.dsn,
    )
    assert json.loads(done.out)["sent"] == 3, done.err
    sent = json.dumps([receiver.items("event"), receiver.items("attachment")])
    assert len(receiver.items("attachment")) == 2
    assert canary not in sent
    for path in (tmp_path / "spool").rglob("*"):
        assert not path.is_file() or canary.encode() not in path.read_bytes()

"""Errors that nobody handles are captured, and the process prints and ends as it would without us."""

from __future__ import annotations

import re
import signal
import sys

import pytest
from errors_support import Ended, Event, RunCaptured, run_captured

__all__ = ["run_captured"]


def both(run: RunCaptured, script: str) -> Ended:
    """Runs the script without us and with us; what it prints and how it ends must be the same."""
    without, ours = run(script, ours=False), run(script)

    def printed(text: str) -> str:
        return re.sub(r"0x[0-9a-f]+", "0x", text)

    assert (ours.code, printed(ours.out), printed(ours.err)) == (
        without.code,
        printed(without.out),
        printed(without.err),
    )
    assert without.events == []
    return ours


def mechanism(event: Event) -> dict[str, object]:
    found: dict[str, object] = event["exception"]["values"][-1]["mechanism"]
    return found


def test_an_exception_that_ends_the_program(run_captured: RunCaptured) -> None:
    done = both(
        run_captured,
        """
        init()
        def fail():
            raise LookupError("unhandled")
        try:
            fail()
        except LookupError as error:
            raise RuntimeError("outer") from error
        """,
    )
    assert done.code == 1
    (event,) = done.events
    assert [value["type"] for value in event["exception"]["values"]] == ["LookupError", "RuntimeError"]
    assert mechanism(event) == {"type": "excepthook", "handled": False, "exception_id": 0}
    assert event["level"] == "fatal"


def test_one_that_was_captured_before_is_captured_once(run_captured: RunCaptured) -> None:
    done = run_captured(
        """
        init()
        try:
            raise LookupError("x")
        except LookupError as error:
            tallylight.capture_exception(error)
            raise
        """
    )
    assert done.code == 1
    assert len(done.events) == 1


@pytest.mark.parametrize(
    ("ending", "code", "events"),
    [
        ("raise SystemExit(3)", 3, 0),
        ("sys.exit('message')", 1, 0),
        ("raise KeyboardInterrupt", -signal.SIGINT, 0),
        ("sys.exit()", 0, 0),
        ("1/0", 1, 1),
        ("exec('a b')", 1, 1),
        ("raise BaseException('base')", 1, 1),
        ("endless()", 1, 1),
    ],
)
def test_endings(ending: str, code: int, events: int, run_captured: RunCaptured) -> None:
    done = both(
        run_captured,
        f"""
        import sys
        def endless(): endless()
        init()
        {ending}
        """,
    )
    assert done.code == code
    assert len(done.events) == events


def test_an_application_s_own_hook_is_still_called(run_captured: RunCaptured) -> None:
    done = both(
        run_captured,
        """
        import sys
        sys.excepthook = lambda *args: print("before", args[0].__name__)
        init()
        1/0
        """,
    )
    assert done.out == "before ZeroDivisionError\n"
    assert len(done.events) == 1


def test_a_thread(run_captured: RunCaptured) -> None:
    done = both(
        run_captured,
        """
        import threading
        init()
        def fail(): raise LookupError("in a thread")
        def leave(): raise SystemExit(5)
        for target in (fail, leave):
            thread = threading.Thread(target=target, name="worker")
            thread.start()
            thread.join()
        """,
    )
    assert done.code == 0
    (event,) = done.events
    assert mechanism(event) == {"type": "threading", "handled": False, "data": {"thread": "worker"}}
    assert "in a thread" in done.err


def test_child_processes(run_captured: RunCaptured) -> None:
    done = both(
        run_captured,
        """
        import multiprocessing, sys
        def fail(): raise LookupError("in a process")
        def leave(): raise SystemExit(3)
        class Own(multiprocessing.get_context("spawn").Process):
            def run(self): raise KeyError("in a subclass")
        init()
        if __name__ == "__main__":
            for method in ("fork", "spawn"):
                for target in (fail, leave):
                    process = multiprocessing.get_context(method).Process(target=target, name="worker")
                    process.start()
                    process.join()
                    print(process.exitcode)
            process = Own(name="own")
            process.start()
            process.join()
            print(process.exitcode)
        """,
    )
    assert done.out.split() == ["1", "3", "1", "3", "1"]
    assert [
        (event["exception"]["values"][0]["type"], mechanism(event)["data"]) for event in done.events
    ] == [
        ("LookupError", {"process": "worker"}),
        ("LookupError", {"process": "worker"}),
        ("KeyError", {"process": "own"}),
    ]


@pytest.mark.parametrize(
    "body",
    [
        "import http.client; http.client.HTTPConnection('127.0.0.1', 9).request('GET', '/')",
        "import http.client; http.client.HTTPConnection('x').putrequest('GET', 'a b')",
        "import http.client; http.client.HTTPConnection('x').getresponse()",
        "import subprocess; subprocess.run(['/no/such/program'])",
        "import logging; logging.error('%d', 'no number')",
        "from concurrent.futures import ThreadPoolExecutor as P; p = P(); p.shutdown(); p.submit(print)",
        "from concurrent.futures import ThreadPoolExecutor as P; P().submit(int, 'x').result()",
        "import threading; t = threading.Thread(); t.start(); t.start()",
    ],
)
def test_nothing_of_ours_is_in_a_traceback_or_a_printed_stack(
    body: str, run_captured: RunCaptured
) -> None:
    settings = "breadcrumbs={'subprocess': True, 'http': True, 'logging': True}"
    done = both(run_captured, f"init({settings})\ndef act():\n    {body}\nact()\n")
    assert "tallylight" not in done.err
    for event in done.events:
        for value in event.get("exception", {"values": []})["values"]:
            modules = [frame["module"] for frame in value["stacktrace"]["frames"]]
            assert not [module for module in modules if module.startswith("tallylight")]


def test_what_is_followed_looks_as_before(run_captured: RunCaptured) -> None:
    done = both(
        run_captured,
        """
        import http.client, inspect, logging, threading
        from concurrent.futures import ThreadPoolExecutor
        init()
        for function in (http.client.HTTPConnection.getresponse, logging.Logger.callHandlers,
                         threading.Thread.start, ThreadPoolExecutor.submit):
            print(function.__name__, function.__qualname__, inspect.signature(function))
        """,
    )
    assert done.code == 0


def test_a_finalizer(run_captured: RunCaptured) -> None:
    done = both(
        run_captured,
        """
        init()
        class Finalized:
            def __del__(self): raise LookupError("in a finalizer")
        Finalized()
        print("on")
        """,
    )
    assert done.code == 0
    (event,) = done.events
    assert mechanism(event)["type"] == "unraisablehook"
    assert event["level"] == "error"
    assert event["exception"]["values"][0]["stacktrace"]["frames"][-1]["function"].endswith("__del__")


def test_tasks_whose_exception_nobody_took_and_callbacks(run_captured: RunCaptured) -> None:
    done = both(
        run_captured,
        """
        import asyncio, logging
        init()
        async def fail(): raise LookupError("in a task")
        def callback(): raise KeyError("in a callback")
        async def main():
            task = asyncio.create_task(fail(), name="named")
            asyncio.get_running_loop().call_soon(callback)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            del task
        asyncio.run(main())
        """,
    )
    assert done.code == 0
    shown = {
        (event["exception"]["values"][0]["type"], mechanism(event)["type"]) for event in done.events
    }
    assert shown == {("LookupError", "asyncio"), ("KeyError", "asyncio")}
    assert all(mechanism(event)["handled"] is False for event in done.events)


def test_a_loops_own_handler_is_called_as_before(run_captured: RunCaptured) -> None:
    done = both(
        run_captured,
        """
        import asyncio
        init()
        async def main():
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda loop, context: print(sorted(context)))
            loop.call_soon(lambda: 1/0)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        asyncio.run(main())
        """,
    )
    assert done.out == "['exception', 'handle', 'message']\n"
    assert len(done.events) == 1


def test_a_coroutine_that_asyncio_runs(run_captured: RunCaptured) -> None:
    done = both(
        run_captured,
        """
        import asyncio
        init()
        async def inner(): raise LookupError("x")
        async def main(): await inner()
        asyncio.run(main())
        """,
    )
    assert done.code == 1
    (event,) = done.events
    functions = [frame["function"] for frame in event["exception"]["values"][0]["stacktrace"]["frames"]]
    assert functions[-2:] == ["main", "inner"]


def test_at_a_prompt_nothing_is_captured(run_captured: RunCaptured) -> None:
    done = run_captured(
        """
        import sys
        init()
        sys.ps1 = ">>> "
        1/0
        """
    )
    assert done.code == 1
    assert done.events == []


def test_hooks_can_be_left_out(run_captured: RunCaptured) -> None:
    done = run_captured(
        """
        import threading
        init(capture_unhandled=False)
        thread = threading.Thread(target=lambda: 1/0)
        thread.start()
        thread.join()
        1/0
        """
    )
    assert done.code == 1
    assert done.events == []


def test_an_exception_whose_words_fail_ends_the_program_as_before(run_captured: RunCaptured) -> None:
    done = both(
        run_captured,
        """
        init()
        class Broken(Exception):
            def __str__(self): raise RuntimeError("no words")
        raise Broken
        """,
    )
    assert done.code == 1
    assert done.events[0]["exception"]["values"][0]["value"].startswith("<Broken")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM")
def test_a_ctrl_c_while_words_are_asked_for_passes(run_captured: RunCaptured) -> None:
    done = run_captured(
        """
        import os, signal
        init()
        class Slow(Exception):
            def __str__(self):
                os.kill(os.getpid(), signal.SIGINT)
                return "x"
        try:
            tallylight.capture_exception(Slow())
        except KeyboardInterrupt:
            print("passed")
        """
    )
    assert done.out == "passed\n"


@pytest.mark.skipif(not hasattr(sys, "getswitchinterval"), reason="CPython only")
def test_errors_at_the_interpreters_end_are_captured_or_quiet(run_captured: RunCaptured) -> None:
    done = both(
        run_captured,
        """
        import atexit, sys
        init()
        class Last:
            def __del__(self): raise LookupError("at the end")
        def handler(): raise KeyError("at exit")
        atexit.register(handler)
        sys.modules["kept"] = Last()
        """,
    )
    assert done.code == 0
    assert "KeyError" in {event["exception"]["values"][0]["type"] for event in done.events}

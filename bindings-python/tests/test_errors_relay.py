"""Every event of this language is one that Sentry's servers take as it is."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest
from conftest import ROOT
from errors_support import Receiver, RunCaptured, needs_receiver, receiver, run_captured

__all__ = ["receiver", "run_captured"]

pytestmark = [
    needs_receiver,
    pytest.mark.skipif(
        "TALLYLIGHT_TEST_RELAY_PYTHON" not in os.environ,
        reason="TALLYLIGHT_TEST_RELAY_PYTHON is unset; `cargo xtask test` sets it",
    ),
]

#: Reads events and answers what a server finds wrong with each.
_ORACLE = """
import json, sys
from relay import complaints
print(json.dumps([complaints(event) for event in json.load(sys.stdin)]))
"""

EVENTS = """
import asyncio, logging, sys, threading
init(include_local_variables=True, initial_scope={"tags": {"region": "eu"}})
tallylight.set_user({"id": 7, "email": "a@example.com", "more": {"x": [1]}})
tallylight.set_context("order", {"total": 5, "items": ["a", {"b": None}]})
tallylight.add_breadcrumb("plain")
tallylight.add_breadcrumb({"type": "http", "category": "httplib", "data": {"url": "http://x/y?a=b", "status_code": 200}})
tallylight.add_breadcrumb({"level": "warning", "own": {"field": 1}})
logging.warning("logged %s", 5)

def fail(password="hunter2"):
    try:
        {}["key"]
    except KeyError as error:
        raise RuntimeError("outer") from error

def group():
    if sys.version_info >= (3, 11):
        raise ExceptionGroup("g", [ValueError(1), OSError(2, "no file")])
    raise ValueError("g")

def endless(n): endless(n + 1)

def chain():
    error = ValueError("0")
    for number in range(200):
        outer = ValueError(str(number))
        outer.__cause__ = error
        error = outer
    raise error

for act in (fail, group, lambda: endless(0), chain, lambda: open("/no/such")):
    try:
        act()
    except BaseException as error:
        tallylight.capture_exception(error, context={"analysis_id": 1, "none": None},
                                     extra={"k": [1, {"a": None}]}, fingerprint=["a", "{{ default }}"])
for thrown in ("text", None, ValueError, b"z", {"a": 1}, float("nan"), "\\ud800"):
    tallylight.capture_exception(thrown, tags={"t": "v" * 500, "k" * 100: "x", "bad key": "a\\nb"})
logging.getLogger().addHandler(tallylight.LoggingHandler())
logging.error("broken %s %d", "x", 5, extra={"own": {"a": 1}})
logging.error("broken %(a)s", {"a": 5})
tallylight.capture_message("m" * 20_000, "warning")
thread = threading.Thread(target=fail)
thread.start()
thread.join()

async def main():
    task = asyncio.create_task(asyncio.sleep(0))
    asyncio.get_running_loop().call_soon(fail)
    await task
    await asyncio.sleep(0)

asyncio.run(main())
tallylight.flush(10_000)
fail()
"""


def test_a_server_finds_nothing_wrong(run_captured: RunCaptured, receiver: Receiver) -> None:
    done = run_captured(EVENTS, TALLYLIGHT_DSN=receiver.dsn, TALLYLIGHT_SHUTDOWN_TIMEOUT_MS="10000")
    assert "hunter2" not in json.dumps(receiver.events())
    events = receiver.events()
    assert len(events) == len(done.events) >= 18
    answer = subprocess.run(
        [os.environ["TALLYLIGHT_TEST_RELAY_PYTHON"], "-c", _ORACLE],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests/relay")},
        input=json.dumps(events),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found: list[list[Any]] = json.loads(answer.stdout)
    assert found == [[] for _ in events]

"""What tests of errors share: the events that were built, and processes whose events are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT

from tallylight import _native
from tallylight._capture_settings import settings

Event = dict[str, Any]


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Event]]:
    """The events of a test as the core would get them; none goes on."""
    events: list[Event] = []

    def keep(event: Event, hint: Any) -> None:
        events.append(json.loads(_native._json(event)))

    # As `init` leaves them, without an instance that the tests share.
    monkeypatch.setattr(settings, "is_read", True)
    monkeypatch.setattr(settings, "before_send", keep)
    yield events


def outermost(event: Event) -> Event:
    """The exception that was captured."""
    value: Event = event["exception"]["values"][-1]
    return value


class Ended:
    """A process that ended, and the events that it captured."""

    def __init__(self, code: int, out: str, err: str, events: list[Event]) -> None:
        self.code = code
        self.out = out
        self.err = err
        self.events = events


RunCaptured = Callable[..., Ended]

#: Notes every event in the file that the environment names, and lets it go on.
_NOTING = '''
import json as _json, os as _os
def _note(event, hint):
    from tallylight import _native
    with open(_os.environ["NOTED"], "a") as file:
        file.write(_native._json(event) + "\\n")
    return event
'''


@pytest.fixture
def run_captured(tmp_path: Path) -> RunCaptured:
    """Runs a script that has `init(**settings of errors)`; with `ours=False`, one that has no such
    call beside the same script, to compare."""

    def run(script: str, *, ours: bool = True, args: tuple[str, ...] = (), **env: str) -> Ended:
        noted = tmp_path / "events.jsonl"
        noted.unlink(missing_ok=True)
        begin = "def init(**settings): pass\n"
        if ours:
            begin = (
                _NOTING
                + "import tallylight\n"
                + "def init(**settings):\n"
                + "    tallylight.init(errors={'before_send': _note, 'shutdown_timeout': 500, **settings})\n"
            )
        # The same lines above the script, so that tracebacks agree.
        (tmp_path / "begin.py").write_text(begin)
        path = tmp_path / "script.py"
        path.write_text("from begin import *\n" + textwrap.dedent(script))
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("TALLYLIGHT_", "SENTRY_"))}
        environment = {
            **clean,
            "NOTED": str(noted),
            "TALLYLIGHT_SPOOL_DIR": str(tmp_path / "spool"),
            **env,
        }
        done = subprocess.run(
            [sys.executable, str(path), *args],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        lines = noted.read_text().splitlines() if noted.exists() else []
        return Ended(done.returncode, done.stdout, done.stderr, [json.loads(line) for line in lines])

    return run


def _receiver_program() -> str | None:
    given = os.environ.get("TALLYLIGHT_TEST_RECEIVER_PROGRAM")
    if given:
        return given
    built = ROOT / "target/debug/sentry-receiver"
    return str(built) if built.exists() else None


needs_receiver = pytest.mark.skipif(
    _receiver_program() is None,
    reason="there is no sentry-receiver; `cargo xtask test` builds it",
)


class Receiver:
    """A recording server of Sentry's protocol, of its own for a test."""

    def __init__(self) -> None:
        program = _receiver_program()
        assert program is not None
        self.child = subprocess.Popen(
            [program, "--stdin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.child.stdout is not None
        self.url = self.child.stdout.readline().split()[-1]
        self.control = self.child.stdout.readline().split()[-1]
        self.dsn = self.url.replace("http://", "http://key@") + "/1"

    def _ask(self, path: str, body: str | None = None) -> Any:
        data = None if body is None else body.encode()
        with urllib.request.urlopen(urllib.request.Request(self.control + path, data)) as answer:
            return json.load(answer)

    def mode(self, mode: str) -> None:
        """How it answers from now on."""
        self._ask("/mode", mode)

    def items(self, kind: str = "event") -> list[Any]:
        """What it got of one kind."""
        found: list[Any] = self._ask(f"/items?type={kind}")
        return found

    def events(self) -> list[Event]:
        """The events that it got. What was on its way when its process ended comes twice, under one
        id, and a server keeps one."""
        return list({item["payload"]["event_id"]: item["payload"] for item in self.items()}.values())

    def messages(self) -> list[str]:
        """What the events say, in order of the alphabet."""
        return sorted(text_of(event) for event in self.events())

    def close(self) -> None:
        assert self.child.stdin is not None and self.child.stdout is not None
        self.child.stdin.close()
        self.child.wait(10)
        self.child.stdout.close()


def text_of(event: Event) -> str:
    """An event's message, or the words of its exception."""
    if "exception" in event:
        return str(outermost(event)["value"])
    message = event.get("message") or event.get("logentry", {}).get("formatted")
    return str(message)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of its own."""
    made = Receiver()
    yield made
    made.close()

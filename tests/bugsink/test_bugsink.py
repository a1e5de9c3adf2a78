"""What each language captures arrives in Bugsink whole: the chain, the frames with their source, what belongs to it; and
neither Bugsink's schema nor Sentry's own servers find anything wrong with it.

`cargo xtask test --only sentry` runs it: it starts Bugsink, builds the languages' packages and says where all is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from bugsink import ROOT, Event, complaints, environment, of_run, stored

sys.path.append(str(ROOT / "tests" / "relay"))
import relay  # noqa: E402: it lies beside this folder

HERE = Path(__file__).parent
SENDERS = {
    "rust": lambda: [environment("EVENT_SENDER")],
    "node": lambda: ["node", str(HERE / "sender.mjs")],
    "python": lambda: [environment("PYTHON"), str(HERE / "sender.py")],
}
LANGUAGES = list(SENDERS)

if "TALLYLIGHT_TEST_BUGSINK" not in os.environ:
    pytest.skip("Bugsink does not run", allow_module_level=True)


def send(language: str, scenario: str, token: str, spool: Path) -> subprocess.CompletedProcess[str]:
    if f"TALLYLIGHT_TEST_SENDS_{language.upper()}" not in os.environ:
        pytest.skip(f"the {language} package is not built")
    return subprocess.run(
        [*SENDERS[language](), scenario, token],
        env={
            **os.environ,
            "TALLYLIGHT_DSN": environment(f"BUGSINK_DSN_{language.upper()}"),
            "TALLYLIGHT_SPOOL_DIR": str(spool),
        },
        capture_output=True,
        text=True,
        timeout=120,
    )


def captured(language: str, scenario: str, spool: Path) -> Event:
    """The one event of a scenario, as Bugsink has it."""
    token = uuid.uuid4().hex[:12]
    ran = send(language, scenario, token, spool)
    assert ran.returncode == 0, ran.stderr
    answer = json.loads(ran.stdout.splitlines()[-1])
    assert answer["sent"] == len(answer["ids"]) == 1, (answer, ran.stderr)
    (event,) = stored(language, of_run(token))
    assert event["event_id"].replace("-", "") == answer["ids"][0]
    return event


def died(language: str, scenario: str, spool: Path) -> tuple[Event, subprocess.CompletedProcess[str]]:
    """The one event of a process that an error ended, and how it ended."""
    token = uuid.uuid4().hex[:12]
    ran = send(language, scenario, token, spool)
    (event,) = stored(language, of_run(token))
    return event, ran


def values(event: Event) -> list[dict[str, Any]]:
    return event["exception"]["values"]


def types(event: Event) -> list[str]:
    return [value["type"] for value in values(event)]


def frame(event: Event, function: str) -> dict[str, Any]:
    """The frame of a function in the stacks of an event."""
    for value in reversed(values(event)):
        for found in value.get("stacktrace", {}).get("frames", []):
            if found.get("function", "").split("::")[-1].split(".")[-1] == function:
                return found
    raise AssertionError(f"no frame of {function}: {json.dumps(event['exception'])[:4000]}")


def assert_valid(event: Event) -> None:
    assert complaints(event) == ""
    assert relay.complaints(event) == []


@pytest.mark.parametrize(
    ("language", "chain", "cause"),
    [
        ("rust", ["Failure", "Failure", "Failure"], "connection of "),
        ("node", ["RangeError", "Error"], "row 7 of "),
        ("python", ["LookupError", "RuntimeError"], "row 7 of "),
    ],
)
def test_an_error_arrives_with_its_chain_its_source_and_its_context(
    language: str, chain: list[str], cause: str, tmp_path: Path
) -> None:
    event = captured(language, "chain", tmp_path)
    assert_valid(event)
    assert types(event) == chain
    assert values(event)[0]["value"].startswith(cause)
    mechanisms = [value["mechanism"] for value in values(event)]
    assert mechanisms[-1]["exception_id"] == 0
    assert [m["parent_id"] for m in mechanisms[:-1]] == list(range(len(chain) - 2, -1, -1))

    own = frame(event, "loadOrder" if language == "node" else "load_order")
    assert own["in_app"] is True
    assert own["lineno"] > 0
    assert "the line that the frame of" in json.dumps(
        [own.get("pre_context"), own.get("context_line"), own.get("post_context")]
    ), own

    assert event["release"] == "sender@1.2.3"
    assert event["environment"] == "end-to-end"
    assert event["platform"] == {"rust": "native"}.get(language, language)
    # A level that is not told is an error's.
    assert event.get("level", "error") == "error"
    assert event["tags"]["area"] == "orders"
    assert event["user"]["id"] == "user-7"
    crumbs = event["breadcrumbs"]
    crumbs = crumbs["values"] if isinstance(crumbs, dict) else crumbs
    assert "order 7 was asked for" in [crumb.get("message") for crumb in crumbs]
    assert event["contexts"]["os"]["name"]
    assert event["sdk"]["name"] == f"tallylight.{language}"
    assert event["server_name"]


@pytest.mark.parametrize("language", ["node", "python"])
def test_an_errors_context_arrives(language: str, tmp_path: Path) -> None:
    event = captured(language, "chain", tmp_path)
    known = event["contexts"]["context"]
    assert known["model"] == "m-1"
    assert "a-17" in known.values()
    assert event["contexts"]["runtime"]["name"].lower() in ("node", "cpython")


@pytest.mark.parametrize("language", ["node", "python"])
def test_the_members_of_a_group_arrive_as_a_tree(language: str, tmp_path: Path) -> None:
    if language == "python" and sys.version_info < (3, 11):
        pytest.skip("there are no exception groups before Python 3.11")
    event = captured(language, "group", tmp_path)
    assert_valid(event)
    root = values(event)[-1]
    assert root["mechanism"]["is_exception_group"] is True
    members = [value for value in values(event) if value["mechanism"].get("parent_id") == 0]
    assert len(members) == 2
    assert {value["value"].split(" of ")[0].strip("'\"") for value in members} == {"first", "second"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_message_arrives(language: str, tmp_path: Path) -> None:
    event = captured(language, "message", tmp_path)
    assert relay.complaints(event) == []
    text = event.get("logentry", {}).get("formatted") or event.get("message")
    assert text.startswith("a message of ")
    assert event["level"] == "warning"


@pytest.mark.parametrize(
    ("language", "scenario", "code", "said"),
    [
        ("rust", "unhandled", 101, "panicked at"),
        ("node", "unhandled", 1, "order 8 of"),
        ("node", "rejection", 1, "nobody waits for"),
        ("python", "unhandled", 1, "Traceback (most recent call last)"),
        ("python", "thread", 0, "Exception in thread worker-9"),
    ],
)
def test_an_error_that_nobody_catches_arrives_and_the_process_ends_as_ever(
    language: str, scenario: str, code: int, said: str, tmp_path: Path
) -> None:
    event, ran = died(language, scenario, tmp_path)
    assert ran.returncode == code, ran.stderr
    assert said in ran.stderr
    assert_valid(event)
    outermost = values(event)[-1]
    assert outermost["mechanism"]["handled"] is False
    assert outermost["stacktrace"]["frames"]


def test_what_raised_while_another_was_handled_arrives_with_it(tmp_path: Path) -> None:
    event = captured("python", "context", tmp_path)
    assert_valid(event)
    assert types(event) == ["LookupError", "ValueError"]
    assert values(event)[0]["mechanism"]["source"] == "__context__"


def test_local_variables_arrive_where_they_are_asked_for(tmp_path: Path) -> None:
    event = captured("python", "chain", tmp_path)
    assert frame(event, "load_order")["vars"]["number"] in (7, "7")


def test_bugsink_lists_the_issue_under_its_title(tmp_path: Path) -> None:
    from bugsink import pages, project

    event = captured("node", "chain", tmp_path)
    titles = [issue["calculated_value"] for issue in pages(f"/issues/?project={project('node')}")]
    assert values(event)[-1]["value"] in titles

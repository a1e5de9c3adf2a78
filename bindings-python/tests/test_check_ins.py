"""Check-ins, sessions and authentication failures."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from conftest import RunPython
from test_traces import Event, sent

import tallylight as t
from tallylight import _native

__all__ = ["sent"]


@pytest.fixture
def check_ins(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the core is asked to capture."""
    asked: list[tuple[Any, ...]] = []

    def check_in(*arguments: Any) -> str:
        asked.append(arguments)
        return arguments[2] or f"{len(asked):032x}"

    monkeypatch.setattr(_native, "_check_in", check_in)
    return asked


def test_a_job_checks_in_before_and_after(check_ins: list[tuple[Any, ...]]) -> None:
    with t.monitor("nightly", schedule="0 2 * * *", max_runtime=30):
        assert len(check_ins) == 1
    started, ended = check_ins
    assert started[:2] == ("nightly", "in_progress")
    assert ended[:3] == ("nightly", "ok", f"{1:032x}")
    assert ended[3] >= 0
    assert started[5][:5] == ("0 2 * * *", None, None, None, 30)


def test_it_decorates_and_tells_of_a_failure(check_ins: list[tuple[Any, ...]]) -> None:
    @t.monitor("job", schedule={"every": 2, "unit": "hour"})
    def job(fail: bool) -> int:
        if fail:
            raise ValueError("x")
        return 3

    @t.monitor("job")
    async def later() -> int:
        return 4

    assert job(False) == 3
    with pytest.raises(ValueError):
        job(True)
    assert asyncio.run(later()) == 4
    assert [check_in[1] for check_in in check_ins] == [
        *("in_progress", "ok"),
        *("in_progress", "error"),
        *("in_progress", "ok"),
    ]
    assert check_ins[0][5][:3] == (None, 2, "hour")


def test_mistakes_are_told_before_the_job_runs(check_ins: list[tuple[Any, ...]]) -> None:
    bad: Any
    for bad in (7, {}, {"every": 0, "unit": "day"}, {"every": 1, "unit": "days"}):
        with pytest.raises(t.InvalidValueError):
            t.monitor("job", schedule=bad)
    bad = "done"
    with pytest.raises(t.InvalidValueError):
        t.capture_check_in("job", bad)
    with pytest.raises(t.InvalidValueError):
        t.end_session(bad)
    assert check_ins == []


def test_authentication_failures_are_counted_each_and_reported_together(
    sent: list[Event], name: str
) -> None:
    for number in range(50):
        t.authentication_failed(name[:60], user={"id": number})
    counters = {
        row["labels"]["reason"]: row["value"]
        for row in t.status()["counters"]
        if row["name"] == "authentication.failures"
    }
    assert counters[name[:60]] == 50
    (event,) = sent
    assert event["message"] == f"Authentication failed: {name[:60]}"
    assert (event["level"], event["user"]) == ("warning", {"id": 0})
    assert event["extra"]["authentication.failures"] == 1


def test_sessions_need_a_release(run_python: RunPython) -> None:
    script = """
        import tallylight, sys
        tallylight.init(release=sys.argv[1] or None, errors={"dsn": "", "spool": False})
        print(tallylight.start_session(), tallylight.end_session(), tallylight.end_session())
        """
    assert run_python(script, "app@1") == "True True False"
    assert run_python(script, "") == "False False False"

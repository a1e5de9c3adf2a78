"""What every test shares: names of its own, figures by name, and processes of its own."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import tallylight
from tallylight.documents import SeriesSnapshot

ROOT = Path(__file__).resolve().parents[2]

# What tests capture is nobody's business.
os.environ["TALLYLIGHT_SPOOL_DIR"] = tempfile.mkdtemp(prefix="tallylight-tests-")

_numbers = itertools.count()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A series name that no other test uses: all share the process-wide instance."""
    return f"{request.node.name[:100]}-{next(_numbers)}"


def series(name: str, labels: dict[str, str] | None = None) -> SeriesSnapshot:
    """What the instance holds of one series now."""
    for row in tallylight.snapshot()["series"]:
        if row["name"] == name and row["labels"] == (labels or {}):
            return row
    raise AssertionError(f"no series {name!r} {labels}")


RunPython = Callable[..., str]


@pytest.fixture
def run_python(tmp_path: Path) -> RunPython:
    """Runs a script in a process of its own and returns what it printed.

    For what must not touch the instance of the test process: init, shutdown, fork, exit.
    """

    def run(script: str, *args: str, env: dict[str, str] | None = None) -> str:
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(script))
        clean = {k: v for k, v in os.environ.items() if not k.startswith("TALLYLIGHT_")}
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "ignore", str(path), *args],
            env={**clean, **(env or {})},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}{done.stderr}"
        assert done.stderr == ""
        return done.stdout.strip()

    return run

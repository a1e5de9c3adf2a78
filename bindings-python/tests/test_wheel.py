"""The wheel named by ``TALLYLIGHT_WHEEL`` works in an empty environment; ``dist`` names one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECK = Path(__file__).resolve().parents[1] / "scripts" / "check_wheel.py"
WHEEL = os.environ.get("TALLYLIGHT_WHEEL")


@pytest.mark.skipif(WHEEL is None, reason="TALLYLIGHT_WHEEL names no wheel")
def test_a_wheel_records_and_reads_in_an_empty_environment() -> None:
    assert WHEEL is not None
    done = subprocess.run(
        [sys.executable, CHECK, WHEEL], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "recorded and read 12.5 ms" in done.stdout

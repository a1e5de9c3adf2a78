"""The example of the README runs and prints what a reader expects."""

from __future__ import annotations

import re
from pathlib import Path

from conftest import RunPython

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_readmes_example_runs(run_python: RunPython) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    out = run_python(example)
    assert re.fullmatch(r"render 5 calls, 1 failed, p95 [\d.]+ ms", out)

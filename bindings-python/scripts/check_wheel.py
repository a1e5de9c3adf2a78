"""Installs a wheel into an empty virtual environment, records one latency and reads it.

    python scripts/check_wheel.py dist/tallylight-....whl

Nothing is downloaded: the wheel has no dependencies. Exit code 0 when all is well.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

RECORD_AND_READ = """
import tallylight
operation = tallylight.operation("wheel", kind="server")
operation.record(12.5)
(row,) = tallylight.snapshot()["series"]
assert (row["count"], row["sum"], row["max"]) == (1, 12_500_000, 12_500_000), row
status = tallylight.init(service="check").status()
assert status["metrics"]["totalRequests"] == 1, status
assert abs(status["metrics"]["p99Duration"] - 12.5) <= 0.125, status
assert status["process"]["runtime"] == "python", status
print("recorded and read", row["max"] / 1e6, "ms from", tallylight.__file__)
"""


def run(*command: str | Path) -> str:
    # Away from the source tree, and without a path to it.
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        command, env=clean, cwd=tempfile.gettempdir(), stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.strip()


def check(wheel: Path) -> None:
    """Raises unless the wheel works on its own."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        scripts = Path(folder) / ("Scripts" if os.name == "nt" else "bin")
        python = scripts / "python"
        run(python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", wheel)
        print(run(python, "-W", "error", "-c", RECORD_AND_READ))
        version = run(python, "-c", "import tallylight; print(tallylight.version())")
        told = run(scripts / "tallylight", "version")
        if version not in told:
            raise SystemExit(f"`tallylight version` says {told!r}, the package {version!r}")
        print(told)
    with zipfile.ZipFile(wheel) as archive:
        installed = sum(entry.file_size for entry in archive.infolist())
    print(f"{wheel.name}: {wheel.stat().st_size:,} bytes, {installed:,} installed")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python scripts/check_wheel.py WHEEL")
    check(Path(sys.argv[1]).resolve(strict=True))

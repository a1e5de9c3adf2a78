"""The ``tallylight`` command: ``python -m tallylight`` and the console script."""

from __future__ import annotations

import sys

from ._native import run_cli


def main() -> int:
    """Runs the command with the arguments of this process and returns its exit code."""
    return run_cli(["tallylight", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())

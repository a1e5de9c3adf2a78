"""Starts fresh processes that import Tallylight or its peers, weighs the installed trees, and prints one JSON document.

--quick        a short version, whose numbers say only that everything works
--peers-only   without Tallylight
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from itertools import product

from sizes import installed
from targets import HERE, OURS, TOGETHER, Target, command, targets

#: What a process answers, in its order: the row's group, its unit, and how the row is called.
MEASURED = [
    ("time", "ms", "import"),
    ("time", "ms", "import and init"),
    ("resident memory", "MiB", "import"),
    ("resident memory", "MiB", "import and init"),
]
TITLES = {"node": "Node", "python": "Python"}
RATIOS = {"ms": 30, "MiB": 8}


def main() -> None:
    rounds = 2 if "--quick" in sys.argv else 15
    peers_only = "--peers-only" in sys.argv
    chosen = targets(peers_only)
    answers: dict[Target, list[list[float]]] = {target: [] for target in chosen}
    # Not counted: files come into the cache, and Python compiles what was not compiled yet.
    for target in chosen:
        start(target)
    for number in range(rounds):
        print(f"\rround {number + 1}/{rounds} ", end="", file=sys.stderr, flush=True)
        for target in chosen:
            answers[target].append(start(target))
    print(file=sys.stderr)
    rows = [
        row(target, column, [answer[column] for answer in answers[target]])
        for target, column in product(chosen, range(len(MEASURED)))
    ]
    document = {
        "language": "startup",
        "title": "Start-up and installed size",
        "rows": rows + installed(peers_only),
        "environment": versions(),
    }
    print(json.dumps(document, indent=2))


def start(target: Target) -> list[float]:
    # From inside `node/`, so that Node finds the peers.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    finished = subprocess.run(
        command(target), cwd=HERE / "node", env=environment, capture_output=True, text=True
    )
    if finished.returncode != 0:
        raise SystemExit(f"{target.language}: {target.name} did not start:\n{finished.stderr}")
    return json.loads(finished.stdout)


def row(target: Target, column: int, values: list[float]) -> dict[str, object]:
    what, unit, step = MEASURED[column]
    answer: dict[str, object] = {
        "group": f"Start-up in {TITLES[target.language]}: {what}",
        "name": f"{target.name}, {step}",
        "peer": target.peer,
        "threads": 1,
        "unit": unit,
        "value": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
    }
    if target.name == OURS and step == "import and init":
        # The stricter comparison first: ours with init against theirs without.
        answer["goal"] = [
            {
                "text": f"<= 1/{RATIOS[unit]} of the three together, {theirs}",
                "against": f"{TOGETHER}, {theirs}",
                "ratio": 1 / RATIOS[unit],
                "direction": "max",
            }
            for theirs in ("import", "import and init")
        ]
    return answer


def versions() -> dict[str, str]:
    node = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True)
    pinned = json.loads((HERE / "node" / "package.json").read_text())["dependencies"]
    lines = (HERE / "requirements.txt").read_text().splitlines()
    pinned |= dict(line.split("==") for line in lines if "==" in line)
    return {
        "node": node.stdout.strip(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "cores": str(os.cpu_count()),
        **pinned,
    }


if __name__ == "__main__":
    main()

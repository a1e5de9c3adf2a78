"""Records latencies with Tallylight and with its peers in one process, and prints one JSON document.

--quick        a short version, whose numbers say only that everything works
--peers-only   without Tallylight
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
import sys

import peers
from rounds import Contender, Plan, measure


def main() -> None:
    quick = "--quick" in sys.argv
    plan = Plan(rounds=2, run_ms=5) if quick else Plan(rounds=15, run_ms=40)
    contenders = peers.peers()
    if "--peers-only" not in sys.argv:
        import ours

        contenders += ours.ours()
    measured = measure(contenders, plan)
    rows = [
        row(contender, threads, values_of(contender, threads, measured))
        for contender in contenders
        for threads in plan.threads
    ]
    document = {
        "language": "python",
        "title": "Python",
        "rows": rows,
        "environment": environment(),
    }
    print(json.dumps(document, indent=2))


def values_of(
    contender: Contender, threads: int, measured: dict[tuple[str, int], list[float]]
) -> list[float]:
    values = measured[contender.name, threads]
    if contender.minus is None:
        return values
    # Round by round: both were measured within the same second.
    return [a - b for a, b in zip(values, measured[contender.minus, threads], strict=True)]


def row(contender: Contender, threads: int, values: list[float]) -> dict[str, object]:
    answer: dict[str, object] = {
        "group": contender.group,
        "name": contender.name,
        "peer": contender.peer,
        "threads": threads,
        "unit": "ns/op",
        "value": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
    }
    if contender.goal:
        answer["goal"] = contender.goal
    if contender.note:
        answer["note"] = contender.note
    return answer


def environment() -> dict[str, str]:
    found = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "cores": str(os.cpu_count()),
    }
    for name in ("prometheus_client", "hdrhistogram", "opentelemetry-sdk", "tallylight"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


if __name__ == "__main__":
    main()

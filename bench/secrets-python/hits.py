"""What a read costs whose value is in the cache; prints one JSON document.

    hits.py SECRET [--quick]
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import platform
import statistics
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat

from caches import opened

#: Longer than any run, so that every read is a hit.
TTL_MS = 3_600_000
THREADS = (1, 2)
GOAL_NS = 100


@dataclass
class Contender:
    name: str
    #: Reads the secret that many times.
    loop: Callable[[int], None]
    peer: bool = True
    note: str | None = None


def contenders(secret: str) -> list[Contender]:
    ours, caching, powertools = (
        opened(who, TTL_MS) for who in ("tallylight", "caching", "powertools")
    )
    for cache in (ours, caching, powertools):
        cache.read(secret)
    seconds = TTL_MS // 1000
    get_secret, peek = ours.api.get_secret, ours.api.peek
    get_secret_string, parameter = caching.api.get_secret_string, powertools.api.get_secret

    def empty(reads: int) -> None:
        for _ in repeat(None, reads):
            pass

    def read_caching(reads: int) -> None:
        for _ in repeat(None, reads):
            get_secret_string(secret)

    def read_powertools(reads: int) -> None:
        for _ in repeat(None, reads):
            parameter(secret, max_age=seconds)

    def read_ours(reads: int) -> None:
        for _ in repeat(None, reads):
            get_secret(secret)

    def peek_ours(reads: int) -> None:
        for _ in repeat(None, reads):
            peek(secret)

    return [
        Contender("the loop alone", empty, note="what every row of this group includes"),
        Contender("aws-secretsmanager-caching, get_secret_string", read_caching),
        Contender("Powertools, get_secret", read_powertools),
        Contender("Tallylight, get_secret", read_ours, peer=False),
        Contender("Tallylight, peek", peek_ours, peer=False),
    ]


def timed(contender: Contender, reads: int, threads: int) -> float:
    """Wall time from the first start to the last end, over all reads of all threads: under the GIL one runs at a time."""
    starts = [0] * threads
    ends = [0] * threads
    together = threading.Barrier(threads)

    def work(index: int) -> None:
        contender.loop(max(1, reads // 20))
        together.wait()
        starts[index] = time.perf_counter_ns()
        contender.loop(reads)
        ends[index] = time.perf_counter_ns()

    workers = [threading.Thread(target=work, args=(index,)) for index in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return (max(ends) - min(starts)) / (threads * reads)


def main() -> None:
    secret = sys.argv[1]
    rounds, run_ms = (3, 1) if "--quick" in sys.argv else (101, 2)
    # All take turns (A B C, A B C, ...), so that a slow second hurts each of them alike.
    chosen = contenders(secret)
    reads = [max(1, round(run_ms * 1e6 / timed(contender, 200, 1))) for contender in chosen]
    measured: dict[tuple[int, int], list[float]] = {}
    gc.disable()
    for number in range(rounds):
        print(f"\rround {number + 1}/{rounds} ", end="", file=sys.stderr, flush=True)
        for index, contender in enumerate(chosen):
            for threads in THREADS:
                value = timed(contender, reads[index], threads)
                measured.setdefault((index, threads), []).append(value)
    print(file=sys.stderr)
    rows = [
        row(contender, threads, measured[index, threads])
        for index, contender in enumerate(chosen)
        for threads in THREADS
    ]
    print(json.dumps({"title": "Python", "rows": rows, "environment": environment()}, indent=2))


def row(contender: Contender, threads: int, values: list[float]) -> dict[str, object]:
    has_goal = not contender.peer and threads == 1
    return {
        "group": "A cached read",
        "name": contender.name,
        "peer": contender.peer,
        "threads": threads,
        "unit": "ns/op",
        "value": statistics.median(values),
        "min": min(values),
        "max": max(values),
        "goal": [{"text": f"<= {GOAL_NS} ns", "limit": GOAL_NS}] if has_goal else [],
        "note": contender.note,
    }


def environment() -> dict[str, str]:
    names = ("aws-secretsmanager-caching", "aws-lambda-powertools", "boto3")
    found = {name: importlib.metadata.version(name) for name in names}
    return {"python": f"{platform.python_implementation()} {platform.python_version()}", **found}


if __name__ == "__main__":
    main()

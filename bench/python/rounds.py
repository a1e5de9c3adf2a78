"""The timed loop: all contenders take turns (A B C, A B C, ...), so that a slow second hurts each of them alike."""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from latencies import LENGTH


@dataclass
class Contender:
    """One way of recording: ``run`` does it once for every value of the input."""

    group: str
    name: str
    run: Callable[[], None]
    peer: bool = True
    note: str | None = None
    goal: list[dict[str, object]] = field(default_factory=list)
    #: The contender whose time is taken off: the row then shows what was added to a bare call.
    minus: str | None = None


@dataclass
class Plan:
    rounds: int
    run_ms: float
    threads: tuple[int, ...] = (1, 2)


def measure(contenders: Iterable[Contender], plan: Plan) -> dict[tuple[str, int], list[float]]:
    """The nanoseconds per operation of each round, by contender and number of threads."""
    contenders = list(contenders)
    passes = {contender.name: _calibrate(contender, plan) for contender in contenders}
    measured: dict[tuple[str, int], list[float]] = {
        (contender.name, threads): [] for contender in contenders for threads in plan.threads
    }
    for number in range(plan.rounds):
        print(f"\rround {number + 1}/{plan.rounds} ", end="", file=sys.stderr, flush=True)
        for contender in contenders:
            for threads in plan.threads:
                measured[contender.name, threads].append(
                    _timed(contender, passes[contender.name], threads)
                )
    print(file=sys.stderr)
    return measured


def _calibrate(contender: Contender, plan: Plan) -> int:
    each_ns = _timed(contender, 1, 1)
    return max(1, round(plan.run_ms * 1e6 / (each_ns * LENGTH)))


def _timed(contender: Contender, passes: int, threads: int) -> float:
    """Wall time from the first start to the last end, over all operations of all threads.

    Under the GIL one thread runs at a time, so for a recorder without contention this is what one thread alone needs.
    """
    starts = [0] * threads
    ends = [0] * threads
    together = threading.Barrier(threads)
    run = contender.run

    def work(index: int) -> None:
        run()
        together.wait()
        starts[index] = time.perf_counter_ns()
        for _ in range(passes):
            run()
        ends[index] = time.perf_counter_ns()

    gc.collect()
    workers = [threading.Thread(target=work, args=(index,)) for index in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return (max(ends) - min(starts)) / (threads * passes * LENGTH)

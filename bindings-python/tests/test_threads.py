"""Threads that record, end and are read meanwhile: not one sample lost or counted twice."""

from __future__ import annotations

import random
import threading

from conftest import series

import tallylight


def test_eight_threads_record_while_snapshots_are_taken_and_threads_end(name: str) -> None:
    operation = tallylight.operation(name)
    counter = tallylight.counter(f"{name} counter")
    expected = {"count": 0, "sum": 0, "max": 0, "errors": 0}
    lock = threading.Lock()

    def work(seed: int) -> None:
        source, count, total, largest, errors = random.Random(seed), 0, 0, 0, 0
        for _ in range(4_000):
            nanoseconds = source.randrange(10**9)
            if source.random() < 0.1:
                operation.record_error(nanoseconds / 1e6, "E")
                errors += 1
            else:
                operation.record(nanoseconds / 1e6)
            counter.increment()
            count, total, largest = count + 1, total + nanoseconds, max(largest, nanoseconds)
        with lock:
            expected["count"] += count
            expected["sum"] += total
            expected["max"] = max(expected["max"], largest)
            expected["errors"] += errors

    read = 0
    for wave in range(4):
        threads = [threading.Thread(target=work, args=(8 * wave + i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            row = series(name)
            assert read <= row["count"] <= 4_000 * 8 * (wave + 1)
            assert sum(count for _, _, count in row["buckets"]) == row["count"]
            read = row["count"]
        for thread in threads:
            thread.join()

    row = series(name)
    assert {key: row[key] for key in expected} == expected  # type: ignore[literal-required]
    assert series(f"{name} counter")["value"] == expected["count"]


def test_the_shards_of_ended_threads_are_reused(name: str) -> None:
    operation = tallylight.operation(name)
    for _ in range(20):
        thread = threading.Thread(target=operation.record, args=(1,))
        thread.start()
        thread.join()
    before = tallylight.status()["telemetry"]["shards"]
    for _ in range(200):
        thread = threading.Thread(target=operation.record, args=(1,))
        thread.start()
        thread.join()
    assert tallylight.status()["telemetry"]["shards"] <= before + 1
    assert series(name)["count"] == 220

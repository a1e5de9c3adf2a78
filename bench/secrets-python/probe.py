"""One cache in a process of its own, read as its standard input says: whoever drives it puts faults before the cache and
counts its calls.

    probe.py WHO SECRET TTL_MS      answers lines `read N` on stdin, by N threads at once
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import Counter

from caches import Cache, opened


def main() -> None:
    who, secret, ttl_ms = sys.argv[1:]
    cache = opened(who, int(ttl_ms))
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        word, count = line.split()
        if word != "read":
            raise SystemExit("give `read N`")
        print(json.dumps(at_once(cache, secret, int(count))), flush=True)
    # Whatever is still waited for ends with the process.
    os._exit(0)


def at_once(cache: Cache, secret: str, count: int) -> dict[str, object]:
    """How often each value and each error came, and how long the slowest waited."""
    together = threading.Barrier(count)
    values: list[str] = []
    errors: list[str] = []
    waited: list[float] = []

    def one() -> None:
        together.wait()
        start = time.perf_counter()
        try:
            values.append(cache.read(secret))
        except Exception as error:
            errors.append(cache.error(error))
        waited.append((time.perf_counter() - start) * 1000)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"values": Counter(values), "errors": Counter(errors), "slowest_ms": max(waited)}


if __name__ == "__main__":
    main()

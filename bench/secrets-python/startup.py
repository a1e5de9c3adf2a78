"""A fresh process that loads one cache and reads one secret; prints how long both took and what they added to the
resident memory. Starting Python itself is not counted.

    startup.py WHO SECRET      prints {"ms", "mib"}
"""

import os
import sys
import time

from caches import opened


def mebibytes() -> float:
    # In one read from the kernel, so that the reading itself loads nothing.
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1048576


who, secret = sys.argv[1:]
memory = mebibytes()
start = time.perf_counter()
opened(who, 60_000).read(secret)
ms = (time.perf_counter() - start) * 1000
print(f'{{"ms": {ms}, "mib": {mebibytes() - memory}}}', flush=True)
os._exit(0)

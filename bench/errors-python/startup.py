"""A fresh process that loads one SDK and sets it up; prints how long that took and what it added to the resident memory.
Starting Python itself is not counted.

    startup.py WHO DSN      prints {"ms", "mib"}
"""

import os
import sys
import time

from sdks import opened


def mebibytes() -> float:
    # In one read from the kernel, so that the reading itself loads nothing.
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1048576


who, dsn = sys.argv[1:]
memory = mebibytes()
start = time.perf_counter()
opened(who, dsn)
ms = (time.perf_counter() - start) * 1000
print(f'{{"ms": {ms}, "mib": {mebibytes() - memory}}}', flush=True)
os._exit(0)

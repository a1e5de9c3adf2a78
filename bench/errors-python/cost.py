"""What capturing an error costs its caller: an error with a cause, raised ten calls deep, after 20 breadcrumbs. Raising it
is not timed.

    cost.py WHO DSN COUNT TOGETHER PAUSE_MS      prints {"us": [of each capture]}

TOGETHER captures follow each other, then the SDK has the time of the pause to deliver them.
"""

import json
import os
import sys
import time

from failures import distinct
from sdks import opened

WARM = 100
BREADCRUMBS = 20

who, dsn = sys.argv[1:3]
count, together, pause_ms = map(int, sys.argv[3:])
sdk = opened(who, dsn)
for n in range(BREADCRUMBS):
    sdk.breadcrumb(f"step {n}")
us = []
for n in range(WARM + count):
    error = distinct(n)
    start = time.perf_counter_ns()
    sdk.capture(error)
    end = time.perf_counter_ns()
    if n >= WARM:
        us.append((end - start) / 1000)
    if n % together == together - 1:
        time.sleep(pause_ms / 1000)
print(json.dumps({"us": us}), flush=True)
os._exit(0)

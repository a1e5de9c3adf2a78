"""What capturing an error costs its caller: an error with a cause, raised ten calls deep, after 20 breadcrumbs. Raising it
is not timed.

    cost.py WHO DSN COUNT      prints {"us": [of each capture]}
"""

import json
import os
import sys
import time

from failures import distinct
from sdks import opened

WARM = 100
BREADCRUMBS = 20
#: Between two captures, so that a thread of the SDK's is not measured with the caller.
PAUSE = 0.002

who, dsn, count = sys.argv[1:]
sdk = opened(who, dsn)
for n in range(BREADCRUMBS):
    sdk.breadcrumb(f"step {n}")
us = []
for n in range(WARM + int(count)):
    error = distinct(n)
    start = time.perf_counter_ns()
    sdk.capture(error)
    end = time.perf_counter_ns()
    if n >= WARM:
        us.append((end - start) / 1000)
    time.sleep(PAUSE)
print(json.dumps({"us": us}), flush=True)
os._exit(0)

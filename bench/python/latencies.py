"""The latencies that every contender records: log-normal around 20 ms (its P99 is 3.2 times its median), made before
any clock is read, the same in each run, in the units that the contenders take."""

from __future__ import annotations

import math
import random

LENGTH = 16_384

_MEDIAN_NS = 20e6
_SIGMA = 0.5

_random = random.Random(0x7A11)

NS: list[int] = [
    round(_MEDIAN_NS * math.exp(_SIGMA * _random.gauss(0.0, 1.0))) for _ in range(LENGTH)
]
MS: list[float] = [ns / 1e6 for ns in NS]
SECONDS: list[float] = [ns / 1e9 for ns in NS]

"""One SDK in a process of its own, which captures as its standard input says: whoever drives it has the server fail and
counts what arrives. Every line is answered by one of JSON.

    probe.py WHO DSN

    capture N MS   N different errors, one every MS milliseconds
    related        three different errors with one root cause
    fork N         N different errors in a forked child, which flushes and ends; `said` is how it ended
    flush MS, close MS
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

from failures import distinct, related
from sdks import opened

#: How long a child may take to flush and to end.
PATIENCE = 10.0


class Probe:
    def __init__(self, who: str, dsn: str) -> None:
        self.sdk = opened(who, dsn)
        self.captured = 0

    def capture(self, count: float, every_ms: float) -> None:
        start = time.perf_counter()
        for n in range(int(count)):
            self.sdk.capture(distinct(self.captured))
            self.captured += 1
            if every_ms > 0:
                time.sleep(max(0.0, start + (n + 1) * every_ms / 1000 - time.perf_counter()))

    def related(self) -> None:
        for error in related():
            self.sdk.capture(error)

    def fork(self, count: float) -> str:
        # Something is captured before, so that the parent's own thread or connection is there.
        self.capture(1, 0)
        child = os.fork()
        if child == 0:
            self.capture(count, 0)
            self.sdk.flush(2_000)
            os._exit(0)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if os.waitpid(child, os.WNOHANG)[0] == child:
                return "the child ended"
            time.sleep(0.01)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return "the child hung"

    def flush(self, ms: float) -> str:
        return self.sdk.flush(ms)

    def close(self, ms: float) -> str:
        return self.sdk.close(ms)


def main() -> None:
    probe = Probe(*sys.argv[1:])
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        command, *numbers = line.split()
        start = time.perf_counter()
        said = getattr(probe, command)(*map(float, numbers))
        print(json.dumps({"ms": (time.perf_counter() - start) * 1000, "said": said}), flush=True)


if __name__ == "__main__":
    main()

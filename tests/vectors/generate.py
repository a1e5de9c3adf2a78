"""Writes the vectors, computing every expectation from first principles with exact integers.

Not part of the tests: run by hand after a change, and look at the difference.
    python3 tests/vectors/generate.py
"""

import json
import math
import random
from fractions import Fraction
from pathlib import Path

HERE = Path(__file__).parent
MAX_VALUE = 2**53 - 1


def stored(value: float, scale: float) -> int:
    """round half up of the float64 product, clamped."""
    product = value * scale
    if product > MAX_VALUE:
        return MAX_VALUE
    floor = math.floor(product)
    return floor + (1 if product - floor >= 0.5 else 0)


def bucket(value: int) -> tuple[int, int]:
    if value < 128:
        return value, value
    width = 1 << (value.bit_length() - 8)
    low = value // width * width
    return low, low + width - 1


def buckets(values: list[int]) -> list[list[int]]:
    counts: dict[tuple[int, int], int] = {}
    for value in values:
        counts[bucket(value)] = counts.get(bucket(value), 0) + 1
    return [[low, high, n] for (low, high), n in sorted(counts.items())]


def quantile(values: list[int], q: float) -> int:
    rank = min(max(math.ceil(q * len(values)), 1), len(values))
    return min(bucket(sorted(values)[rank - 1])[1], max(values))


def round3(fraction: Fraction) -> float:
    return math.floor(fraction * 1000 + Fraction(1, 2)) / 1000


QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}


def operation(name: str, kind: str, steps: list[dict]) -> dict:
    nanos: list[int] = []
    errors: dict[str, int] = {}
    for step in steps:
        if "recordError" in step:
            millis, error_type = step["recordError"]
            nanos.append(stored(millis, 1e6))
            errors[error_type] = errors.get(error_type, 0) + 1
        else:
            nanos += [stored(step["record"], 1e6)] * step.get("repeat", 1)
    failed = sum(errors.values())
    status = {
        "count": len(nanos),
        "errors": failed,
        "errorRate": math.floor(Fraction(failed * 10000, len(nanos)) + Fraction(1, 2)) / 100,
        "avgDuration": round3(Fraction(sum(nanos), len(nanos) * 10**6)),
        "maxDuration": round3(Fraction(max(nanos), 10**6)),
    }
    for key, q in QUANTILES.items():
        status[f"{key}Duration"] = round3(Fraction(quantile(nanos, q), 10**6))
    return {
        "name": name,
        "kind": kind,
        "steps": steps,
        "expect": {
            "count": len(nanos),
            "sum": sum(nanos),
            "max": max(nanos),
            "errors": failed,
            "errorsByType": errors,
            "buckets": buckets(nanos),
            **{key: quantile(nanos, q) for key, q in QUANTILES.items()},
            "status": status,
        },
    }


def histogram(name: str, scale: float, values: list[float]) -> dict:
    kept = [stored(value, scale) for value in values]
    return {
        "name": name,
        "scale": scale,
        "values": values,
        "expect": {
            "count": len(kept),
            "sum": sum(kept) / scale,
            "max": max(kept) / scale,
            "mean": sum(kept) / len(kept) / scale,
            "buckets": buckets(kept),
            **{key: quantile(kept, q) / scale for key, q in QUANTILES.items()},
        },
    }


def write(name: str, cases: object) -> None:
    (HERE / name).write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n")


LABEL_TEXTS = [
    (True, "true"), (False, "false"), (0, "0"), (200, "200"), (-7, "-7"), (9007199254740991, "9007199254740991"),
    (1.0, "1"), (0.5, "0.5"), (-0.25, "-0.25"), (0.1, "0.1"), (1 / 3, "0.3333333333333333"), (1e-6, "0.000001"),
    (1.5e-7, "1.5e-7"), (1e-7, "1e-7"), (123456789.125, "123456789.125"), (1e16, "10000000000000000"),
    (1.5e20, "150000000000000000000"), (1e21, "1e+21"), (1.25e22, "1.25e+22"), (5e-9, "5e-9"),
    ("NaN", "NaN"), ("Infinity", "Infinity"), ("-Infinity", "-Infinity"), ("-0", "0"),
]


def main() -> None:
    rng = random.Random(20261124)
    lognormal = [round(math.exp(rng.gauss(3, 1)), 6) for _ in range(400)]
    write("operations.json", [
        operation("one value", "server", [{"record": 1200}]),
        operation("zero", "internal", [{"record": 0}]),
        operation("the contract's example", "server",
                  [{"repeat": 1519, "record": 245}] + [{"recordError": [245, "TimeoutError"]}] * 4),
        operation("edges of buckets", "client", [
            {"record": ns / 1e6} for ns in
            (1, 127, 128, 129, 255, 256, 257, 511, 512, 1023, 1024, 65535, 65536, 10**6, 10**9)]),
        operation("rounding half up", "internal",
                  [{"record": ms} for ms in (0.0000005, 0.0000015, 0.00000149, 0.0000025)]),
        operation("an hour and a day", "job", [{"record": 3600000}, {"record": 86400000}]),
        operation("thresholds", "server", [{"record": ms} for ms in (1500, 1501, 3000, 3001)]),
        operation("errors by type", "model", [
            {"record": 10}, {"recordError": [20, "TimeoutError"]},
            {"recordError": [30, "RateLimited"]}, {"recordError": [40, "TimeoutError"]}]),
        operation("log-normal", "server", [{"record": ms} for ms in lognormal]),
    ])
    write("histograms.json", [
        histogram("tokens", 1, [rng.randrange(1, 9000) for _ in range(200)]),
        histogram("cost", 1000000, [0.000125, 0.5, 0.0000005, 1.25, 12.000001]),
        histogram("ratio", 1000, [0, 0.0004, 0.0005, 0.5, 1]),
    ])
    write("counters.json", [
        {"name": "whole", "scale": 1, "adds": [1, 2, 3, 0], "expect": {"value": 6}},
        {"name": "cost", "scale": 1000000, "adds": [0.1, 0.2, 0.0000004],
         "expect": {"value": 0.3}},
        {"name": "large", "scale": 1, "adds": [2**52, 2**52, 2**52],
         "expect": {"value": 3 * 2**52}},
    ])
    write("gauges.json", [
        {"name": "set", "steps": [{"set": 5}, {"set": -2.5}], "expect": {"value": -2.5}},
        {"name": "moved", "steps": [{"set": 10}, {"add": 2}, {"add": -7}],
         "expect": {"value": 5}},
        {"name": "bad values change nothing",
         "steps": [{"set": 3}, {"set": "NaN"}, {"add": "Infinity"}, {"set": "-Infinity"}],
         "expect": {"value": 3}},
    ])
    bad = ["NaN", "Infinity", "-Infinity", -1, -0.000001]
    drops = {"nan": 1, "infinite": 1, "negative": 3}
    write("drops.json", [
        {"instrument": "operation", "values": bad + ["-0", 5], "drops": drops, "clamped": 0,
         "count": 2},
        {"instrument": "histogram", "values": bad + ["-0", 5], "drops": drops, "clamped": 0,
         "count": 2},
        {"instrument": "counter", "values": bad + ["-0", 5], "drops": drops, "clamped": 0,
         "value": 5},
        {"instrument": "gauge", "values": ["NaN", "Infinity", "-Infinity", 4],
         "drops": {"nan": 1, "infinite": 2}, "clamped": 0, "value": 4},
        {"instrument": "operation", "values": [1e300, 1e10], "drops": {}, "clamped": 2,
         "count": 2},
        {"instrument": "histogram", "values": [1e300, 2**53], "drops": {}, "clamped": 2,
         "count": 2},
    ])
    write("names.json", {
        "valid": ["a", "POST /analyze", "gen_ai.client.operation.duration", "größe", "日本",
                  {"chars": "x", "times": 200}],
        "invalidNames": ["", "a\nb", "a\u0000b", "\u007f", {"chars": "x", "times": 201},
                         {"chars": "é", "times": 101}, {"chars": "n", "times": 10240}],
        "validLabels": [{}, {"route": "/a"}, {"k": ""}, {"labels": 32},
                        {"k": {"chars": "v", "times": 10240}}],
        # A number or a boolean as a label's value, and the text that it becomes: JavaScript's.
        "labelTexts": [[value, text] for value, text in LABEL_TEXTS],
        "invalidLabels": [{"": "x"}, {"a\u0001": "x"}, {"labels": 33}, {"labels": 1000}],
        "invalidKinds": ["", "Server", "batch"],
    })


if __name__ == "__main__":
    main()

"""Bad input: on a hot path a counted drop, where a handle is made a typed error, never a crash."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from conftest import RunPython, series

import tallylight

NAN, INFINITY = float("nan"), float("inf")


class Broken:
    """An object whose ``__float__`` raises."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __float__(self) -> float:
        raise self.error


class Liar:
    """An object whose ``__float__`` is none."""

    def __float__(self) -> Any:
        return "5"


NOT_NUMBERS: list[Any] = [
    "5",
    b"5",
    None,
    [],
    {},
    object(),
    5j,
    int,
    Broken(ValueError("no")),
    Broken(RecursionError()),
    Broken(StopIteration()),
    Liar(),
]

DROPS: list[tuple[Any, str]] = [
    *((value, "not_a_number") for value in NOT_NUMBERS),
    (NAN, "nan"),
    (-NAN, "nan"),
    (INFINITY, "infinite"),
    (10**400, "infinite"),
    (-INFINITY, "negative"),
    (-(10**400), "negative"),
    (-1, "negative"),
    (-1.0, "negative"),
    (-1e-9, "negative"),
]


def label(value: Any) -> str:
    return type(value).__name__ if isinstance(value, int) else f"{value!r:.20}"


def recorders(name: str) -> dict[str, Callable[[Any], None]]:
    operation = tallylight.operation(name)
    return {
        "operation.record": operation.record,
        "operation.record_error": lambda value: operation.record_error(value, "E"),
        "counter.add": tallylight.counter(f"{name} counter").add,
        "histogram.record": tallylight.histogram(f"{name} histogram").record,
    }


@pytest.mark.parametrize(("value", "reason"), DROPS, ids=map(str, range(len(DROPS))))
def test_a_bad_value_is_a_counted_drop_and_nothing_else(
    value: Any, reason: str, name: str
) -> None:
    for call, record in recorders(name).items():
        before = tallylight.drops()
        assert record(value) is None, call
        after = tallylight.drops()
        changed = {key: after[key] - before[key] for key in after if after[key] != before[key]}  # type: ignore[literal-required]
        assert changed == {reason: 1}, call
    assert series(name)["count"] == 0
    assert series(name)["errors"] == 0
    assert series(f"{name} counter")["value"] == 0
    assert series(f"{name} histogram")["count"] == 0


@pytest.mark.parametrize("value", NOT_NUMBERS, ids=map(str, range(len(NOT_NUMBERS))))
def test_a_gauge_drops_what_is_no_number(value: Any, name: str) -> None:
    gauge = tallylight.gauge(name)
    gauge.set(3)
    before = tallylight.drops()["not_a_number"]
    gauge.set(value)
    gauge.add(value)
    assert tallylight.drops()["not_a_number"] == before + 2
    assert series(name)["value"] == 3


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_in_a_users_own_conversion_passes_on(
    interrupt: type[BaseException], name: str
) -> None:
    operation = tallylight.operation(name)
    with pytest.raises(interrupt):
        operation.record(Broken(interrupt()))
    with pytest.raises(interrupt):
        operation.record_error(Broken(interrupt()), "E")
    assert series(name)["count"] == 0


def test_no_reference_is_lost_or_kept(name: str) -> None:
    operation, value, text = tallylight.operation(name), 1.5e300 / 7, "x" * 7
    kept = [sys.getrefcount(thing) for thing in (value, text, None.__class__)]
    for _ in range(1_000):
        operation.record(value)
        operation.record(text)  # type: ignore[arg-type]
        operation.record_error(value, text)
        with operation.time() as timer:
            timer.fail(text)
    assert [sys.getrefcount(thing) for thing in (value, text, None.__class__)] == kept


def test_a_wrong_number_of_arguments_is_a_type_error(name: str) -> None:
    operation = tallylight.operation(name)
    for call in (operation.record, operation.record_error, operation.timed):
        with pytest.raises(TypeError):
            call()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        operation.record(1, 2)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        operation.time(1, 2)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        type(operation).record("not an operation", 5)  # type: ignore[arg-type]


NAMES: list[Any] = ["", "x" * 201, "x" * 10_240, "a\nb", "a\0b", "\ud800", 5, None, b"bytes"]


@pytest.mark.parametrize("bad", NAMES, ids=map(str, range(len(NAMES))))
@pytest.mark.parametrize("make", ["operation", "counter", "gauge", "histogram"])
def test_a_bad_name_is_an_invalid_name_error(bad: Any, make: str) -> None:
    with pytest.raises(tallylight.InvalidNameError) as raised:
        getattr(tallylight, make)(bad)
    assert raised.value.code == "invalid_name"
    assert str(raised.value)


LABELS: list[Any] = [
    {"": "x"},
    {"k" * 101: "x"},
    {"a\n": "x"},
    {"a": b"5"},
    {"a": 5j},
    {"a": [5]},
    {"a": None},
    {5: "a"},
    {"a": "\ud800"},
    {f"k{i}": "v" for i in range(1_000)},
    [("a", "b")],
    "labels",
    5,
]


@pytest.mark.parametrize("bad", LABELS, ids=map(str, range(len(LABELS))))
def test_bad_labels_are_an_invalid_label_error(bad: Any) -> None:
    with pytest.raises(tallylight.InvalidLabelError) as raised:
        tallylight.operation("labels", bad)
    assert raised.value.code == "invalid_label"


def test_a_long_label_value_is_cut_and_counted(name: str) -> None:
    before = tallylight.drops()["truncated"]
    tallylight.operation(name, {"k": "v" * 10_240}).record(1)
    assert series(name, {"k": "v" * 256})["count"] == 1
    assert tallylight.drops()["truncated"] == before + 1


@pytest.mark.parametrize("bad", ["", "SERVER", "web", 5, b"server"])
def test_an_unknown_kind_is_an_invalid_value_error(bad: Any) -> None:
    with pytest.raises(tallylight.InvalidValueError, match="kind"):
        tallylight.operation("kinds", kind=bad)


@pytest.mark.parametrize("bad", [0, -1, NAN, INFINITY, "5", 10**400])
def test_a_bad_scale_is_an_invalid_value_error(bad: Any, name: str) -> None:
    with pytest.raises(tallylight.InvalidValueError, match="scale"):
        tallylight.counter(name, scale=bad)


@pytest.mark.parametrize(
    "bad",
    [
        {"max_series": -1},
        {"max_series": "many"},
        {"max_series": 1.5},
        {"max_memory_bytes": 10**30},
        {"max_memory_bytes": 1},
        {"max_window_bytes": 1},
        {"tick_ms": 0},
        {"tick_ms": 250.5},
        {"tick_ms": -5},
        {"tick_ms": NAN},
        {"tick_ms": "1000"},
        {"service": 5},
        {"environment": "\ud800"},
    ],
    ids=str,
)
def test_a_bad_setting_is_an_invalid_config_error(bad: dict[str, Any]) -> None:
    with pytest.raises(tallylight.InvalidConfigError) as raised:
        tallylight.init(**bad)
    assert raised.value.code == "invalid_config"


def test_one_name_as_two_things_is_a_conflict(name: str) -> None:
    tallylight.operation(name, kind="server")
    with pytest.raises(tallylight.ConflictError):
        tallylight.counter(name)
    with pytest.raises(tallylight.ConflictError):
        tallylight.operation(name, kind="client")
    with pytest.raises(tallylight.ConflictError):
        tallylight.histogram(name)


def test_a_million_label_values_stay_under_the_cap(run_python: RunPython) -> None:
    out = run_python(
        """
        import resource, tallylight
        tallylight.init(max_series=100)
        for number in range(200_000):
            tallylight.operation("GET /user", {"id": str(number)}).record(1)
        overflow = [s for s in tallylight.snapshot()["series"] if s["name"] == "otel.metric.overflow"]
        total = sum(s["count"] for s in tallylight.snapshot()["series"])
        print(total, overflow[0]["count"], tallylight.drops()["overflowed"])
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 150_000)
        """
    )
    assert out == "200000 199900 199900\nTrue"


def test_every_code_has_a_class_of_its_own() -> None:
    from tallylight import errors

    codes = {cls.code: cls for cls in tallylight.TallylightError.__subclasses__()}
    assert set(codes) == {
        "invalid_name",
        "invalid_label",
        "invalid_value",
        "invalid_config",
        "conflict",
        "closed",
        "unsupported",
        "io",
        "parse",
        "not_found",
        "denied",
        "unavailable",
        "timeout",
        "not_ready",
        "internal",
    }
    for code, cls in codes.items():
        assert errors.class_of(code) is cls
        assert getattr(tallylight, cls.__name__) is cls
    assert errors.class_of("from the future") is tallylight.TallylightError


def test_the_cause_of_an_error_is_kept() -> None:
    with pytest.raises(tallylight.InvalidConfigError) as raised:
        tallylight.init(max_series="many")  # type: ignore[arg-type]
    assert isinstance(raised.value.__cause__, TypeError)


@pytest.mark.skipif(
    not hasattr(tallylight._native, "_panic"), reason="a release build has no way to panic"
)
def test_a_panic_inside_becomes_an_internal_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(tallylight.InternalError, match="a test asked for this") as raised:
        tallylight._native._panic()  # type: ignore[attr-defined]
    assert raised.value.code == "internal"
    assert "a test asked for this" in capfd.readouterr().err

"""Before ``init``, after ``shutdown``, and wherever Python may call: finalizers, signals, exit."""

from __future__ import annotations

import pytest
from conftest import RunPython


def test_what_is_recorded_before_init_is_kept(run_python: RunPython) -> None:
    out = run_python(
        """
        import tallylight
        operation = tallylight.operation("x", kind="server")
        operation.record(5)
        print(tallylight.status()["process"]["runtime"])
        tallylight.init(service="shop", environment="test", release="1")
        operation.record(5)
        status = tallylight.status()
        print(status["metrics"]["totalRequests"], status["service"], status["environment"])
        print(status["process"]["runtime"], status["process"]["sdkVersion"] == tallylight.version())
        """
    )
    assert out == "python\n2 {'name': 'shop', 'release': '1'} test\npython True"


def test_init_twice_is_the_same_instance_or_a_conflict(run_python: RunPython) -> None:
    out = run_python(
        """
        import tallylight
        first = tallylight.init(service="shop", max_series=10)
        print(tallylight.init(service="shop", max_series=10) is first)
        try:
            tallylight.init(service="other")
        except tallylight.ConflictError as error:
            print(error.code, "shop" in str(error), "service" in str(error))
        tallylight.shutdown()
        print(tallylight.init(service="other") is first)
        """
    )
    assert out == "True\nconflict False True\nTrue"


def test_settings_come_from_the_environment_and_arguments_win(run_python: RunPython) -> None:
    script = """
        import sys, tallylight
        try:
            tallylight.init(**eval(sys.argv[1]))
        except tallylight.InvalidConfigError as error:
            print(error)
        else:
            print(tallylight.status()["service"], tallylight.status()["telemetry"]["maxSeries"])
        """
    env = {"TALLYLIGHT_SERVICE": "shop", "TALLYLIGHT_MAX_SERIES": "7"}
    assert run_python(script, "{}", env=env) == "{'name': 'shop', 'release': None} 7"
    out = run_python(script, "{'service': 'x', 'max_series': 9}", env=env)
    assert out == "{'name': 'x', 'release': None} 9"
    assert "TALLYLIGHT_MAX_SERIES" in run_python(
        script, "{}", env={"TALLYLIGHT_MAX_SERIES": "many"}
    )


def test_recording_after_shutdown_is_a_counted_drop_until_init(run_python: RunPython) -> None:
    out = run_python(
        """
        import tallylight
        tallylight.init()
        operation, counter = tallylight.operation("x"), tallylight.counter("c")
        gauge, histogram = tallylight.gauge("g"), tallylight.histogram("h")
        timed = operation.timed(lambda: 5)
        operation.record(1)
        tallylight.shutdown()
        tallylight.shutdown()
        operation.record(1)
        operation.record_error(1, "E")
        with operation.time():
            pass
        operation.start().end()
        print(timed())
        counter.increment()
        counter.add(2)
        gauge.set(1)
        histogram.record(1)
        late = tallylight.operation("late")
        late.record(1)
        print(tallylight.drops()["closed"], tallylight.snapshot()["series"][0]["count"])
        tallylight.init()
        operation.record(1)
        late.record(1)
        print(tallylight.drops()["closed"], tallylight.snapshot()["series"][0]["count"])
        """
    )
    assert out == "5\n10 1\n10 2"


def test_finalizers_record_whenever_they_run(run_python: RunPython) -> None:
    out = run_python(
        """
        import gc, threading, tallylight
        tallylight.init()
        operation = tallylight.operation("x")

        class Finalized:
            def __init__(self):
                self.cycle = self
            def __del__(self, operation=operation, tallylight=tallylight):
                operation.record(1)
                with operation.time():
                    pass
                tallylight.operation("made in a finalizer").record(1)

        for _ in range(100):
            Finalized()
        gc.collect()
        print(tallylight.snapshot()["series"][0]["count"])
        local = threading.local()
        def work():
            local.value = Finalized()
            local.value.cycle = None
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        print(tallylight.snapshot()["series"][0]["count"])
        kept_until_exit = Finalized()
        """
    )
    assert out == "200\n202"


def test_signal_handlers_record(run_python: RunPython) -> None:
    out = run_python(
        """
        import signal, tallylight
        tallylight.init()
        operation, hits = tallylight.operation("x"), 0

        def handler(*_):
            global hits
            hits += 1
            operation.record(1)
            with operation.time():
                tallylight.operation(f"signal {hits % 7}").record(1)

        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        done = 0
        while hits < 200:
            operation.record(1)
            with operation.time():
                pass
            done += 2
            if done % 5_000 == 0:
                tallylight.status()
        signal.setitimer(signal.ITIMER_REAL, 0)
        series = {s["name"]: s for s in tallylight.snapshot()["series"]}
        drops = tallylight.drops()
        counted = sum(s["count"] for s in series.values())
        print(counted + drops["reentrant"] == done + 3 * hits, drops["not_a_number"])
        """
    )
    assert out == "True 0"


def test_exit_with_handlers_daemon_threads_and_open_timers_is_quiet(
    run_python: RunPython,
) -> None:
    out = run_python(
        """
        import atexit, sys, threading, tallylight
        tallylight.init(tick_ms=100)
        operation = tallylight.operation("x")
        started = threading.Event()

        def forever():
            while True:
                with operation.time():
                    operation.record(1)
                started.set()
                tallylight.status()

        for _ in range(4):
            threading.Thread(target=forever, daemon=True).start()
        started.wait()

        @operation.timed
        def last():
            operation.record(1)
            print(tallylight.snapshot()["series"][0]["count"] > 0)

        atexit.register(last)
        atexit.register(tallylight.init, tick_ms=100)
        open_timer = operation.start()
        sys.modules["kept"] = open_timer
        """
    )
    assert out == "True"


def test_a_process_ends_by_itself_after_init(run_python: RunPython) -> None:
    assert run_python("import tallylight; tallylight.init(); print(1)") == "1"
    assert run_python("import tallylight, os; tallylight.init(); print(1, flush=True); os._exit(0)")


@pytest.mark.parametrize(
    "work",
    [
        "with operation.time(): busy()",
        "timed()",
        "operation.time(busy)",
        "operation.record(Number())",
        "operation.record_error(Number(), 'E')",
        "tallylight.status(); tallylight.snapshot()",
    ],
)
def test_daemon_threads_in_the_middle_of_anything_end_quietly(
    work: str, run_python: RunPython
) -> None:
    # Before Python 3.14 such a thread is unwound through our frames.
    script = f"""
        import threading, tallylight
        tallylight.init(tick_ms=100)
        operation = tallylight.operation("x")
        started = threading.Event()

        def busy():
            for _ in range(3_000):
                pass
            started.set()

        timed = operation.timed(busy)

        class Number:
            def __float__(self):
                busy()
                return 1.0

        def forever():
            while True:
                {work}
                started.set()

        for _ in range(4):
            threading.Thread(target=forever, daemon=True).start()
        started.wait()
        """
    for _ in range(6):
        assert run_python(script) == ""


def test_the_last_finalizers_of_the_interpreter_record_too(run_python: RunPython) -> None:
    out = run_python(
        """
        import sys, tallylight
        operation = tallylight.operation("x")
        held = operation.time()

        class Last:
            def __del__(self, operation=operation, held=held, print=print):
                timer = operation.start()
                other = operation.start()
                other.fail(KeyError)
                operation.record("no number")
                operation.record_error(1, ValueError("late"))
                try:
                    with operation.time():
                        raise LookupError
                except LookupError:
                    pass
                try:
                    operation.time(1, 2)
                except TypeError:
                    print("done")

        sys.modules["last"] = last = Last()
        last.itself = last
        del last
        """
    )
    assert out == "done"

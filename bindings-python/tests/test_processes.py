"""Import, fork, multiprocessing and sub-interpreters, each in processes of its own."""

from __future__ import annotations

import sys

import pytest
from conftest import RunPython

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

COUNT = """
        def count(name):
            return sum(s["count"] for s in tallylight.snapshot()["series"] if s["name"] == name)
"""


@needs_linux
def test_import_starts_no_thread_and_init_starts_one(run_python: RunPython) -> None:
    out = run_python(
        """
        import os, threading
        tasks = lambda: len(os.listdir("/proc/self/task"))
        before = tasks()
        import tallylight
        operation = tallylight.operation("x")
        operation.record(1)
        tallylight.status()
        print(tasks() - before, threading.active_count())
        tallylight.init()
        print(tasks() - before, threading.active_count())
        tallylight.shutdown()
        print(tasks() - before)
        """
    )
    assert out.split("\n") == ["0 1", "1 1", "0"]


def test_import_loads_nothing_heavy(run_python: RunPython) -> None:
    out = run_python(
        """
        import sys
        before = set(sys.modules)
        import tallylight
        loaded = {name for name in set(sys.modules) - before if "tallylight" not in name}
        print(*loaded)
        """
    )
    assert set(out.split()) <= {"__future__", "_contextvars", "encodings.ascii", "types"}


def test_a_forked_child_counts_its_own_from_zero(run_python: RunPython) -> None:
    out = run_python(
        """
        import os, tallylight
        """
        + COUNT
        + """
        tallylight.init()
        operation = tallylight.operation("x")
        for _ in range(10):
            operation.record(5)
        operation.record("bad")
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            seen = [count("x"), tallylight.drops()["not_a_number"]]
            for _ in range(3):
                operation.record(7)
            operation.record_error(7, "E")
            with operation.time():
                pass
            running = tallylight.status()["telemetry"]["tickerRunning"]
            new = tallylight.operation("new")
            new.record(1)
            row = tallylight.status()["operations"][-1]
            seen += [count("x"), count("new"), running, row["errorsByType"]]
            os.write(write, repr(seen).encode())
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print(os.read(read, 1000).decode())
        operation.record(5)
        print(count("x"), count("new"), tallylight.drops()["not_a_number"])
        """
    )
    assert out == "[0, 0, 5, 1, True, {'E': 1}]\n11 0 1"


@needs_linux
def test_the_ticker_of_a_child_is_a_thread_of_its_own(run_python: RunPython) -> None:
    out = run_python(
        """
        import os, tallylight
        def child(body):
            if os.fork() == 0:
                body()
                os._exit(0)
            assert os.wait()[1] == 0
        def show():
            running = tallylight.status()["telemetry"]["tickerRunning"]
            print(running, len(os.listdir("/proc/self/task")), flush=True)
        def first():
            show()
            tallylight.init()
            show()
            child(show)
        tallylight.operation("x").record(1)
        child(first)
        show()
        """
    )
    assert out.split("\n") == ["False 1", "True 2", "True 2", "False 1"]


def test_forks_among_busy_threads_neither_hang_nor_lose(run_python: RunPython) -> None:
    out = run_python(
        """
        import os, threading, tallylight
        """
        + COUNT
        + """
        tallylight.init(tick_ms=100)
        operation = tallylight.operation("x")
        stop, recorded = threading.Event(), []

        def record():
            n = 0
            while not stop.is_set():
                operation.record(1)
                n += 1
            recorded.append(n)

        def read():
            while not stop.is_set():
                tallylight.snapshot()
                tallylight.status()

        threads = [threading.Thread(target=record) for _ in range(3)]
        threads += [threading.Thread(target=read) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(25):
            child = os.fork()
            if child == 0:
                for _ in range(100):
                    operation.record(1)
                os._exit(0 if count("x") == 100 else 1)
            assert os.waitpid(child, 0)[1] == 0
        stop.set()
        for thread in threads:
            thread.join()
        print(count("x") == sum(recorded))
        """
    )
    assert out == "True"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_workers_count_their_own(method: str, run_python: RunPython) -> None:
    out = run_python(
        """
        import multiprocessing, sys, tallylight
        """
        + COUNT
        + """
        at_import = tallylight.operation("at import")

        @at_import.timed
        def timed(number):
            return number + 1

        def work(operation, number):
            operation.record(number)
            timed(number)
            return count("handed over"), count("at import")

        if __name__ == "__main__":
            tallylight.init()
            operation = tallylight.operation("handed over", {"a": "b"}, kind="job")
            operation.record(1)
            context = multiprocessing.get_context(sys.argv[1])
            with context.Pool(1) as pool:
                print(pool.starmap(work, [(operation, n) for n in range(3)]))
                print(pool.map(timed, range(3)))
            print(count("handed over"), count("at import"))
        """,
        method,
    )
    assert out == "[(1, 1), (2, 2), (3, 3)]\n[1, 2, 3]\n1 0"


def test_handles_pickle_as_what_they_stand_for(run_python: RunPython) -> None:
    out = run_python(
        """
        import copy, pickle, tallylight
        handles = [
            tallylight.operation("a", {"k": "v"}, kind="server"),
            tallylight.counter("b", unit="USD", scale=100, description="cost"),
            tallylight.gauge("c"),
            tallylight.histogram("d", scale=10),
        ]
        for handle in handles:
            print(pickle.loads(pickle.dumps(handle)), repr(copy.copy(handle)) == repr(handle))
        client = tallylight.init()
        print(pickle.loads(pickle.dumps(client)) is client, len(tallylight.snapshot()["series"]))
        """
    )
    assert out.split("\n") == [
        '<tallylight.Operation "a" kind=server k="v"> True',
        '<tallylight.Counter "b"> True',
        '<tallylight.Gauge "c"> True',
        '<tallylight.Histogram "d"> True',
        "True 4",
    ]


@pytest.mark.parametrize("main_first", [True, False])
def test_a_sub_interpreter_is_refused_and_the_main_one_goes_on(
    main_first: bool, run_python: RunPython
) -> None:
    out = run_python(
        r"""
        import sys
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        if sys.argv[1] == "True":
            import tallylight
        other = interpreters.create()
        script = (
            "try:\n import tallylight\n"
            "except ImportError as error:\n print(error, flush=True)\n"
            "else:\n print('imported', flush=True)\n"
        )
        interpreters.run_string(other, script)
        interpreters.run_string(other, script)
        import tallylight
        operation = tallylight.operation("x")
        with operation.time():
            operation.record(1)
        interpreters.destroy(other)
        operation.record(1)
        print(tallylight.snapshot()["series"][0]["count"])
        """,
        str(main_first),
    )
    refused, again, count = out.split("\n")
    # From 3.12 on the interpreter itself may refuse, in words of its own.
    assert "main interpreter only" in refused or "subinterpreters" in refused
    assert again == refused
    assert count == "3"

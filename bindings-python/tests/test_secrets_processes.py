"""Forks, interrupts, ends: secrets in processes of their own."""

from __future__ import annotations

import sys

import pytest
from secrets_servers import Proxy, RunSecrets, create, needs_servers, proxy, run_alone, run_secrets

__all__ = ["proxy", "run_alone", "run_secrets"]

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@needs_linux
def test_nothing_starts_before_the_first_reading(run_alone: RunSecrets) -> None:
    out = run_alone(
        """
        def threads():
            return sorted(open(f"/proc/self/task/{t}/comm").read().strip()
                          for t in os.listdir("/proc/self/task"))
        tallylight.init()
        tallylight.set_secret_override("python-x", "v")
        tallylight.get_secret("python-x"), tallylight.peek("python-y"), tallylight.declared_secrets()
        tallylight.on_secret_change(), tallylight.status(), tallylight.scrub("x")
        print("tallylight-io" in str(threads()))
        try:
            tallylight.get_secret("python-y")
        except tallylight.NotFoundError:
            print("tallylight-io" in str(threads()))
        """,
    )
    assert out.split("\n") == ["False", "True"]


@needs_servers
def test_a_forked_child_keeps_warm_values_and_reads_for_itself(
    proxy: Proxy, run_secrets: RunSecrets
) -> None:
    out = run_secrets(
        """
        warm, cold, rotated = sys.argv[1:]
        tallylight.init(secrets={"ttl": 1_000})
        print(tallylight.get_secret(warm).reveal(), tallylight.get_secret(rotated).reveal())

        def in_child(body):
            sys.stdout.flush()
            child = os.fork()
            if child == 0:
                try:
                    body()
                    sys.stdout.flush()
                finally:
                    os._exit(0)
            assert os.waitpid(child, 0)[1] == 0

        def first():
            before = proxy.calls(warm)
            print(tallylight.peek(warm).reveal(), tallylight.get_secret(warm).reveal())
            print(tallylight.get_secret_sync(warm).reveal(), proxy.calls(warm) - before)
            print(tallylight.get_secret(cold).reveal())
            # The child's own thread sees to what is due: a new version comes by itself.
            put(rotated, "new")
            eventually(lambda: tallylight.get_secret(rotated).reveal() == "new")
            in_child(lambda: print(tallylight.get_secret(cold).reveal(), "in a grandchild"))
            print(asyncio.run(tallylight.refresh_secret_async(warm)).reveal())

        in_child(first)

        def without_a_reading():
            # Nobody reads anew before it is due, and yet it is not served for good.
            put(warm, "later")
            eventually(lambda: tallylight.get_secret(warm).reveal() == "later")
            print("later")

        tallylight.get_secret(warm)
        in_child(without_a_reading)
        eventually(lambda: tallylight.get_secret(warm).reveal() == "later")
        print(tallylight.get_secret(cold).reveal(), tallylight.refresh_secret(rotated).reveal())
        """,
        create("warm"),
        create("cold"),
        create("old"),
    )
    assert out.split("\n") == [
        "warm old",
        "warm warm",
        "warm 0",
        "cold",
        "cold in a grandchild",
        "warm",
        "later",
        "cold new",
    ]


@needs_servers
def test_a_fork_with_readings_under_way_hangs_nobody(run_secrets: RunSecrets) -> None:
    out = run_secrets(
        """
        names = sys.argv[1:]
        tallylight.init(secrets={"deadline": 30_000, "attempt_timeout": 20_000})
        proxy.mode("ok", delay_ms=300)
        found = []

        def read(name):
            found.append(tallylight.get_secret(name).reveal())

        threads = [threading.Thread(target=read, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
            child = os.fork()
            if child == 0:
                try:
                    read(names[0])
                    os._exit(0 if found[-1] == "v" else 1)
                finally:
                    os._exit(2)
            assert os.waitpid(child, 0)[1] == 0
        for thread in threads:
            thread.join()
        print(found)
        """,
        *[create("v") for _ in range(4)],
    )
    assert out == "['v', 'v', 'v', 'v']"


@needs_servers
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_of_multiprocessing_read_for_themselves(
    method: str, run_secrets: RunSecrets
) -> None:
    out = run_secrets(
        """
        import multiprocessing

        def read(name):
            return tallylight.get_secret(name).reveal()

        if __name__ == "__main__":
            method, name, other = sys.argv[1:]
            tallylight.init()
            print(read(name))
            context = multiprocessing.get_context(method)
            with context.Pool(2) as pool:
                print(pool.map(read, [name, other] * 3))
                try:
                    pool.apply(print, (tallylight.get_secret(name),))
                except TypeError as error:
                    print("hand its name over" in str(error))
            print(read(other))
        """,
        method,
        create("one"),
        create("two"),
    )
    two = ["one", "two"] * 3
    assert out.split("\n") == ["one", str(two), "True", "two"]


@needs_servers
def test_callbacks_go_on_in_a_forked_child(run_secrets: RunSecrets) -> None:
    out = run_secrets(
        """
        name = sys.argv[1]
        tallylight.init()
        heard = []
        changes = tallylight.on_secret_change(heard.append, name)
        tallylight.get_secret(name)
        child = os.fork()
        put(name, "new" if child else "newer")
        if child == 0:
            try:
                tallylight.refresh_secret(name)
                eventually(lambda: len(heard) == 1)
                os._exit(0)
            finally:
                os._exit(1)
        print(os.waitpid(child, 0)[1])
        put(name, "newest")
        tallylight.refresh_secret(name)
        eventually(lambda: len(heard) == 1)
        print([change.kind for change in heard])
        """,
        create("old"),
    )
    assert out.split("\n") == ["0", "['rotated']"]


def test_a_fork_while_others_come_and_go_waiting_hangs_no_child(run_alone: RunSecrets) -> None:
    out = run_alone(
        """
        import signal
        tallylight.init()
        changes = tallylight.on_secret_change()
        stop = False

        def come_and_go():
            while not stop:
                changes.next(timeout=0.02)

        threads = [threading.Thread(target=come_and_go) for _ in range(16)]
        for thread in threads:
            thread.start()
        ended = []
        for _ in range(200):
            child = os.fork()
            if child == 0:
                signal.alarm(10)
                changes.next(timeout=1)
                changes.close()
                os._exit(0 if changes.next() is None else 1)
            ended.append(os.waitpid(child, 0)[1])
        stop = True
        for thread in threads:
            thread.join()
        print(len(ended), set(ended))
        """
    )
    assert out == "200 {0}"


@needs_servers
def test_a_child_does_not_wait_for_what_its_parent_asked(run_secrets: RunSecrets) -> None:
    out = run_secrets(
        """
        import signal
        tallylight.init()
        proxy.mode("hang")
        pending = tallylight._native._get(sys.argv[1], None, None, None, None, None)
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            try:
                pending.result()
            except tallylight.ClosedError as error:
                os._exit(0 if "forked" in str(error) else 1)
            os._exit(1)
        print(os.waitpid(child, 0)[1])
        """,
        create("v"),
    )
    assert out == "0"


@needs_servers
@needs_linux
def test_nobody_waits_for_good_for_a_thread_that_answers_no_more(run_secrets: RunSecrets) -> None:
    out = run_secrets(
        """
        import ctypes, pathlib, signal
        tallylight.init(secrets={"deadline": 300})
        tallylight.get_secret(sys.argv[1])
        # The I/O thread stops where it is: the handler of its signal waits for another one.
        libc = ctypes.CDLL(None)
        libc.signal(signal.SIGUSR1, ctypes.cast(libc.pause, ctypes.c_void_p))
        for task in pathlib.Path("/proc/self/task").iterdir():
            if (task / "comm").read_text().startswith("tallylight-io"):
                signal.alarm(30)
                libc.tgkill(os.getpid(), int(task.name), signal.SIGUSR1)
                time.sleep(0.1)
        calls = {
            "get": lambda: tallylight.get_secret("other"),
            "its own": lambda: tallylight.get_secret("other", deadline=200),
            "refresh": lambda: tallylight.refresh_secret(sys.argv[1]),
            "both": lambda: tallylight.both("other"),
            "prefetch": lambda: tallylight.prefetch_secrets(["other", sys.argv[1]]),
        }
        for name, call in calls.items():
            began = time.monotonic()
            try:
                # What is at hand is answered all the same.
                answer = call()["other"]
                assert isinstance(answer, tallylight.TallylightTimeoutError), answer
            except tallylight.TallylightTimeoutError as error:
                assert "did not answer" in str(error), error
            took = time.monotonic() - began
            assert took < 3, (name, took)
            print(name)
        print(tallylight.peek("other"), tallylight.get_secret(sys.argv[1]).reveal())
        sys.stdout.flush()
        os._exit(0)
        """,
        create("v"),
    )
    assert out.split("\n") == ["get", "its own", "refresh", "both", "prefetch", "None v"]


@needs_servers
def test_ctrl_c_ends_a_wait_promptly(run_secrets: RunSecrets) -> None:
    out = run_secrets(
        """
        import signal
        name = sys.argv[1]
        tallylight.init(secrets={"deadline": 60_000, "attempt_timeout": 50_000})
        proxy.mode("hang")
        waits = [
            lambda: tallylight.get_secret(name),
            lambda: tallylight.refresh_secret(name),
            lambda: tallylight.both(name),
            lambda: tallylight.prefetch_secrets([name]),
            lambda: next(tallylight.on_secret_change()),
            lambda: tallylight.on_secret_change().next(60_000),
            lambda: tallylight.with_secret(name, print),
        ]
        for wait in waits:
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
            began = time.monotonic()
            try:
                wait()
            except KeyboardInterrupt:
                print(time.monotonic() - began < 10, end=" ")
        """,
        create("v"),
    )
    assert out.split() == ["True"] * 7


@needs_servers
@pytest.mark.parametrize(
    "work",
    [
        "pass",
        "threading.Thread(target=read, daemon=True).start(); time.sleep(0.2)",
        "tallylight.on_secret_change(print)",
        "threading.Thread(target=list, args=(tallylight.on_secret_change(),), daemon=True).start()",
        "asyncio.run(given_up())",
        "sys.modules['kept'] = tallylight.get_secret(warm)",
        "tallylight.on_secret_change(print); tallylight.shutdown()",
        "import atexit; atexit.register(lambda: tallylight.get_secret(warm).reveal())",
    ],
)
def test_a_process_with_readings_under_way_ends_by_itself(
    work: str, run_secrets: RunSecrets
) -> None:
    script = """
        warm, cold = sys.argv[1:]
        tallylight.init(secrets={"deadline": 60_000, "attempt_timeout": 50_000})
        tallylight.get_secret(warm)
        proxy.mode("hang")

        def read():
            tallylight.get_secret(cold)

        async def given_up():
            tasks = [asyncio.create_task(tallylight.get_secret_async(cold)) for _ in range(10)]
            done, pending = await asyncio.wait(tasks, timeout=0.2)
            print(len(pending))

        """
    out = run_secrets(script + work + "\n", create("v"), create("v"))
    assert out == ("10" if "given_up" in work else "")


@needs_servers
def test_shutdown_wipes_and_init_opens_again(run_secrets: RunSecrets) -> None:
    out = run_secrets(
        """
        name = sys.argv[1]
        client = tallylight.init()
        tallylight.set_secret_override("python-x", "override-of-ours")
        held, other = tallylight.get_secret(name), tallylight.get_secret("python-x")
        text = f"{held.reveal()} {other.reveal()}"
        print(tallylight.scrub(text))
        tallylight.shutdown()
        print(tallylight.scrub(text) == text)
        for call in (tallylight.get_secret, tallylight.get_secret_sync, tallylight.refresh_secret,
                     tallylight.both, lambda name: asyncio.run(tallylight.get_secret_async(name))):
            try:
                call(name)
            except tallylight.ClosedError as error:
                print(error.code, end=" ")
        print(tallylight.peek(name), tallylight.peek("python-x"))
        print({type(e).__name__ for e in tallylight.prefetch_secrets([name]).values()})
        tallylight.init()
        print(client.get_secret(name).reveal() == held.reveal(), tallylight.peek("python-x"))
        """,
        create("value-of-the-test"),
    )
    assert out.split("\n") == [
        "[redacted] [redacted]",
        "True",
        "closed closed closed closed closed None None",
        "{'ClosedError'}",
        "True None",
    ]


@needs_servers
def test_a_shutdown_answers_whoever_waits(run_secrets: RunSecrets) -> None:
    out = run_secrets(
        """
        name = sys.argv[1]
        tallylight.init(secrets={"deadline": 60_000, "attempt_timeout": 50_000})
        proxy.mode("hang")
        found = []

        def read():
            try:
                tallylight.get_secret(name)
            except tallylight.ClosedError as error:
                found.append(error.code)

        async def reads():
            try:
                await tallylight.get_secret_async(name)
            except tallylight.ClosedError as error:
                found.append(error.code)

        changes = tallylight.on_secret_change()
        threads = [
            threading.Thread(target=read),
            threading.Thread(target=lambda: asyncio.run(reads())),
            threading.Thread(target=lambda: found.append(list(changes))),
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        tallylight.shutdown()
        for thread in threads:
            thread.join()
        print(sorted(map(str, found)))
        """,
        create("v"),
    )
    assert out == "['[]', 'closed', 'closed']"


@needs_servers
def test_closed_loops_and_cancelled_tasks_are_quiet(run_secrets: RunSecrets) -> None:
    out = run_secrets(
        """
        import gc
        from tallylight._arrivals import _Arrivals
        names = sys.argv[1:]
        tallylight.init(secrets={"deadline": 30_000, "attempt_timeout": 20_000})
        proxy.mode("ok", delay_ms=600)

        async def cancelled():
            task = asyncio.create_task(tallylight.get_secret_async(names[0]))
            await asyncio.sleep(0.1)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                print("cancelled", len(_Arrivals.of_loops))
            try:
                await asyncio.wait_for(tallylight.get_secret_async(names[0]), 0.05)
            except asyncio.TimeoutError:
                print("timed out")
            # A neighbour of a cancelled one is answered.
            other = asyncio.create_task(tallylight.get_secret_async(names[0]))
            task = asyncio.create_task(tallylight.get_secret_async(names[0]))
            await asyncio.sleep(0)
            task.cancel()
            print((await other).reveal(), len(_Arrivals.of_loops))

        asyncio.run(cancelled())

        # A loop that is closed with a task in the middle.
        loop = asyncio.new_event_loop()
        task = loop.create_task(tallylight.get_secret_async(names[1]))
        loop.run_until_complete(asyncio.sleep(0.1))
        # What asyncio itself says of such a task is not ours.
        task._log_destroy_pending = False
        loop.close()
        time.sleep(1)
        del task, loop
        gc.collect()
        print(asyncio.run(tallylight.get_secret_async(names[1])).reveal())

        # Many loops at once, each in a thread of its own, leave no descriptor behind.
        def open_files():
            return len(os.listdir("/proc/self/fd"))
        before = open_files()
        def many():
            async def read():
                return await asyncio.gather(*[tallylight.refresh_secret_async(names[0])] * 1)
            for _ in range(3):
                asyncio.run(read())
        proxy.mode("ok")
        threads = [threading.Thread(target=many) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        gc.collect()
        print(open_files() - before <= 2, len(_Arrivals.of_loops))

        try:
            tallylight.get_secret_async(names[0]).send(None)
        except StopIteration as done:
            print(done.value.reveal())
        """,
        create("v"),
        create("w"),
    )
    assert out.split("\n") == ["cancelled 0", "timed out", "v 0", "w", "True 0", "v"]

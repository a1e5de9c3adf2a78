"""Reading from AWS, which moto plays: one call for many readers, keys, versions, refused credentials."""

from __future__ import annotations

import json

from secrets_servers import (
    Proxy,
    RunSecrets,
    create,
    needs_servers,
    proxy,
    put,
    run_secrets,
)

__all__ = ["proxy", "run_secrets"]

pytestmark = needs_servers


def test_a_thousand_threads_make_one_call_at_first_and_one_at_expiry(
    proxy: Proxy, run_secrets: RunSecrets
) -> None:
    name = create("v")
    out = run_secrets(
        """
        name = sys.argv[1]
        threading.stack_size(256 * 1024)
        tallylight.init(secrets={"ttl": 1500, "deadline": 60_000, "attempt_timeout": 30_000})
        # Slow enough that every thread is waiting when the answer comes.
        proxy.mode("ok", delay_ms=1500)

        def read_all():
            values, go = [], threading.Barrier(1001)

            def read():
                go.wait()
                values.append(tallylight.get_secret(name).reveal())

            threads = [threading.Thread(target=read) for _ in range(1000)]
            for thread in threads:
                thread.start()
            go.wait()
            for thread in threads:
                thread.join()
            return values == ["v"] * 1000

        print(read_all(), proxy.calls(name))
        proxy.mode("ok")
        # Past the end of the time to live, wherever its jitter put that.
        time.sleep(1.8)
        print(read_all())
        eventually(lambda: tallylight.status()["secrets"]["refreshes"] == 2)
        print(proxy.calls(name), tallylight.status()["secrets"]["failures"])
        """,
        name,
    )
    assert out.split("\n") == ["True 1", "True", "2 {}"]


def test_a_thousand_tasks_make_one_call_at_first_and_one_at_expiry(
    proxy: Proxy, run_secrets: RunSecrets
) -> None:
    name = create("v")
    out = run_secrets(
        """
        name = sys.argv[1]
        tallylight.init(secrets={"ttl": 1500, "deadline": 60_000, "attempt_timeout": 30_000})
        proxy.mode("ok", delay_ms=500)

        async def read_all():
            found = await asyncio.gather(*[tallylight.get_secret_async(name) for _ in range(1000)])
            return [secret.reveal() for secret in found] == ["v"] * 1000

        async def main():
            print(await read_all(), proxy.calls(name))
            proxy.mode("ok")
            await asyncio.sleep(1.8)
            print(await read_all())

        # Without the debug mode, which tells of every slow step.
        asyncio.run(main(), debug=False)
        eventually(lambda: tallylight.status()["secrets"]["refreshes"] == 2)
        print(proxy.calls(name), tallylight.status()["secrets"]["failures"])
        """,
        name,
    )
    assert out.split("\n") == ["True 1", "True", "2 {}"]


def test_a_hundred_readers_of_a_missing_secret_make_one_call(run_secrets: RunSecrets) -> None:
    out = run_secrets(
        """
        tallylight.init()
        name = "python-missing"

        async def main():
            reads = [tallylight.get_secret_async(name) for _ in range(50)]
            found = await asyncio.gather(*reads, return_exceptions=True)
            for _ in range(50):
                try:
                    tallylight.get_secret(name)
                except Exception as error:
                    found.append(error)
            return found

        found = asyncio.run(main())
        print(len(found), {type(error).__name__ for error in found}, proxy.calls(name))
        error = found[-1]
        print(error.code, isinstance(error, tallylight.TallylightError), sorted(error.details))
        print(error.details["name"], error.details["region"], error.details["aws_code"])
        print(all(error.details[key] in str(error) for key in ("name", "region", "request_id")))
        """
    )
    assert out.split("\n") == [
        "100 {'NotFoundError'} 1",
        "not_found True ['aws_code', 'name', 'region', 'request_id']",
        "python-missing us-east-1 ResourceNotFoundException",
        "True",
    ]


def test_name_arn_and_stage_are_one_entry(proxy: Proxy, run_secrets: RunSecrets) -> None:
    name = create("one")
    out = run_secrets(
        """
        name = sys.argv[1]
        tallylight.init()
        first = tallylight.get_secret(name)
        for again in (
            tallylight.get_secret(first.arn),
            tallylight.get_secret(name, stage="AWSCURRENT"),
            tallylight.get_secret_sync(first.arn),
        ):
            print(again.reveal(), again.version == first.version, again.stages, again.region)
        print(tallylight.get_secret(name, version=first.version).reveal())
        print(proxy.calls(name), proxy.calls(first.arn))
        """,
        name,
    )
    one = "one True ('AWSCURRENT',) us-east-1"
    assert out.split("\n") == [one, one, one, "one", "2 0"]


def test_json_keys_binary_values_and_sizes(run_secrets: RunSecrets) -> None:
    document = create(json.dumps({"user": "u", "password": "p"}))
    binary = create(b"\xff\x00\xfe")
    large = create("x" * 65_536)
    out = run_secrets(
        """
        document, binary, large = sys.argv[1:]
        tallylight.init()
        print(tallylight.get_secret(document, key="password").reveal())
        print(asyncio.run(tallylight.get_secret_async(document, key="user")).reveal())
        found = tallylight.get_secret(binary)
        print(found.is_binary, found.reveal_bytes())
        print(len(tallylight.get_secret(large).reveal()))
        try:
            tallylight.get_secret(document, key="passwort")
        except tallylight.NotFoundError as error:
            print(error.details)
        """,
        document,
        binary,
        large,
    )
    assert out.split("\n") == [
        "p",
        "u",
        "True b'\\xff\\x00\\xfe'",
        "65536",
        str({"name": document}),
    ]


def test_prefetch_answers_for_each_name_in_batches(
    proxy: Proxy, run_secrets: RunSecrets
) -> None:
    names = [create(f"v{number}") for number in range(25)]
    out = run_secrets(
        """
        names = sys.argv[1:]
        tallylight.init(secrets={"sources": ["aws"], "declared": names[:1]})
        found = tallylight.prefetch_secrets([*names, "python-missing", names[0]])
        print(len(found), [found[name].reveal() for name in names] == [f"v{n}" for n in range(25)])
        print(type(found["python-missing"]).__name__)
        counts = proxy.say("/counts")["by_operation"]
        print(counts["BatchGetSecretValue"], counts.get("GetSecretValue", 0) <= 1)
        print(all(tallylight.get_secret_sync(name) for name in names))
        declared = asyncio.run(tallylight.prefetch_secrets_async())
        print(declared[names[0]].reveal(), type(declared["cineview-gemini-api"]).__name__)
        """,
        *names,
    )
    assert out.split("\n") == ["26 True", "NotFoundError", "2 True", "True", "v0 NotFoundError"]


def test_refresh_and_both_during_a_rotation(run_secrets: RunSecrets) -> None:
    name = create("old")
    out = run_secrets(
        """
        name = sys.argv[1]
        tallylight.init()
        print(tallylight.both(name).previous)
        tallylight.get_secret(name)
        put(name, "new")
        print(tallylight.get_secret(name).reveal(), tallylight.refresh_secret(name).reveal())
        pair = tallylight.both(name)
        current, previous = asyncio.run(tallylight.both_async(name))
        print(current.reveal(), previous.reveal(), pair.current == current, pair.previous == previous)
        print(tallylight.get_secret(name, stage="AWSPREVIOUS").reveal())
        match pair:
            case tallylight.SecretPair(new, old):
                print(new.reveal(), old.reveal())
        print(asyncio.run(tallylight.refresh_secret_async(name)).reveal())
        print(tallylight.get_secret(name, max_age=60_000).reveal())
        """,
        name,
    )
    assert out.split("\n") == ["None", "old new", "new old True True", "old", "new old", "new", "new"]


def test_with_secret_refreshes_once_and_runs_again(proxy: Proxy, run_secrets: RunSecrets) -> None:
    name = create(json.dumps({"password": "old"}))
    out = run_secrets(
        """
        import functools, json
        name = sys.argv[1]
        tallylight.init()

        class Refused(Exception):
            def __init__(self, **attributes):
                self.__dict__.update(attributes)

        class Response:
            status_code = 401

        valid = "old"

        def login(make, secret):
            if secret.reveal() == valid:
                return "in with " + valid
            made = make()
            if isinstance(made, Exception):
                raise made
            return made

        def rotate(to):
            global valid
            valid = to
            put(name, json.dumps({"password": to}))

        makers = [
            lambda: Refused(status=401),
            lambda: Refused(status_code=403),
            lambda: Refused(code=401),
            lambda: Refused(sqlstate="28P01"),
            lambda: Refused(pgcode="28000"),
            lambda: Refused(response=Response()),
            lambda: Refused(orig=Refused(sqlstate="28P01")),
            Response,
        ]
        for number, make in enumerate(makers):
            print(tallylight.with_secret(name, functools.partial(login, make), key="password"))
            rotate(f"new-{number}")
            before = proxy.calls(name)
            print(tallylight.with_secret(name, functools.partial(login, make), key="password"),
                  proxy.calls(name) - before)

        # Nothing newer: what the call said stands, and the source is not asked by each of them.
        valid = "nobody's"
        before = proxy.calls(name)
        for make in makers:
            try:
                print(type(tallylight.with_secret(
                    name, functools.partial(login, make), key="password")).__name__)
            except Refused as error:
                print("Refused", end=" ")
        print(proxy.calls(name) - before <= 2)

        # Neither an error of another kind nor one that the predicate does not take.
        runs = []
        def fails(secret):
            runs.append(1)
            raise ValueError
        for is_refused in (None, lambda error: False):
            try:
                tallylight.with_secret(name, fails, is_refused=is_refused)
            except ValueError:
                print(len(runs))
        """,
        name,
    )
    lines = out.split("\n")
    expected = ["in with old", "in with new-0 1"]
    for number in range(1, 8):
        expected += [f"in with new-{number - 1}", f"in with new-{number} 1"]
    assert lines == [*expected, "Refused " * 7 + "Response", "True", "1", "2"]


def test_with_secret_of_coroutines(proxy: Proxy, run_secrets: RunSecrets) -> None:
    name = create("old")
    out = run_secrets(
        """
        name = sys.argv[1]
        tallylight.init()
        valid = "old"

        class Refused(Exception):
            pass

        async def login(secret):
            await asyncio.sleep(0.01)
            if secret.reveal() != valid:
                raise Refused
            return "in with " + valid

        class Login:
            async def __call__(self, secret):
                return await login(secret)

        async def main():
            global valid
            taken = lambda error: isinstance(error, Refused)
            print(await tallylight.with_secret(name, login))
            valid = "new"
            put(name, "new")
            before = proxy.calls(name)
            functions = [login, Login(), lambda secret: login(secret)] * 20
            calls = [tallylight.with_secret(name, f, is_refused=taken) for f in functions]
            print(set(await asyncio.gather(*calls)), proxy.calls(name) - before)
            valid = "nobody's"
            try:
                await tallylight.with_secret(name, login, is_refused=taken)
            except Refused:
                print("refused")

        asyncio.run(main())
        """,
        name,
    )
    assert out.split("\n") == ["in with old", "{'in with new'} 1", "refused"]


def test_a_change_is_heard_once_by_everyone(run_secrets: RunSecrets) -> None:
    name = create("old")
    other = create("old")
    out = run_secrets(
        """
        name, other = sys.argv[1:]
        tallylight.init()
        heard = []
        mine = tallylight.on_secret_change(name=name)
        every = tallylight.on_secret_change()
        called = tallylight.on_secret_change(heard.append)

        async def main():
            task = asyncio.create_task(anext(tallylight.on_secret_change(name=name)))
            await asyncio.sleep(0.05)
            put(name, "new")
            await tallylight.refresh_secret_async(name)
            await tallylight.refresh_secret_async(name)
            return await asyncio.wait_for(task, 20)

        before = [tallylight.get_secret(name), tallylight.get_secret(other)]
        change = asyncio.run(main())
        put(other, "new")
        tallylight.refresh_secret(other)
        eventually(lambda: len(heard) == 2)
        after = [tallylight.get_secret(name), tallylight.get_secret(other)]
        print(change.name == name, change.kind, change.source, change.at.utcoffset())
        print(change.version == after[0].version, change.previous_version == before[0].version)
        print([found.name == wanted for wanted, found in zip([name, other], heard)])
        print(next(mine).version == change.version, mine.next(timeout=10), mine.missed)
        print([found.name == wanted for wanted, found in zip([name, other], every)])
        print(repr(change) == f"<tallylight.SecretChange {name} rotated>")
        with mine:
            pass
        print(mine.closed, mine.next(), list(mine))
        called.close()
        tallylight.shutdown()
        print(every.closed, list(every))
        """,
        name,
        other,
    )
    assert out.split("\n") == [
        "True rotated aws 0:00:00",
        "True True",
        "[True, True]",
        "True None 0",
        "[True, True]",
        "True",
        "True None []",
        "True []",
    ]


def test_a_callback_that_raises_is_reported_and_called_again(run_secrets: RunSecrets) -> None:
    name = create("0")
    out = run_secrets(
        """
        name = sys.argv[1]
        tallylight.init()
        heard, reported = [], []
        sys.unraisablehook = lambda args: reported.append((repr(args.exc_value), args.object))

        def callback(change):
            heard.append(threading.current_thread())
            raise KeyError(len(heard)) if len(heard) < 3 else SystemExit(3)

        changes = tallylight.on_secret_change(callback, name)
        tallylight.get_secret(name)
        for number in range(1, 4):
            put(name, str(number))
            tallylight.refresh_secret(name)
            eventually(lambda: len(reported) == number)
        print([error for error, _ in reported], {of is callback for _, of in reported})
        print({thread.daemon for thread in heard}, {thread.name for thread in heard})
        changes.close()
        heard[0].join()
        try:
            async def wrong(change): pass
            tallylight.on_secret_change(wrong)
        except tallylight.InvalidValueError:
            print("refused")
        """,
        name,
    )
    assert out.split("\n") == [
        "['KeyError(1)', 'KeyError(2)', 'SystemExit(3)'] {True}",
        "{True} {'tallylight-secret-changes'}",
        "refused",
    ]


def test_the_status_document_tells_of_the_cache(run_secrets: RunSecrets) -> None:
    name = create("v")
    out = run_secrets(
        """
        import jsonschema, json, pathlib
        name = sys.argv[1]
        tallylight.init()
        tallylight.get_secret(name)
        for _ in range(10):
            tallylight.get_secret(name)
        status = tallylight.status()
        secrets = status["secrets"]
        print(secrets["sources"], secrets["cached"], secrets["hits"], secrets["misses"])
        print(secrets["readings"], secrets["refreshes"], secrets["failures"])
        (entry,) = secrets["entries"]
        print(entry["name"] == name, entry["which"], entry["state"], entry["source"], entry["failures"])
        print(0 <= entry["ageSeconds"] < 60 < entry["nextRefreshSeconds"] < 4000, entry["lastError"])
        """,
        name,
    )
    assert out.split("\n") == [
        "['override', 'file', 'aws', 'environment'] 1 10 1",
        "1 1 {}",
        "True AWSCURRENT fresh aws 0",
        "True None",
    ]


def test_settings_reach_the_core(run_secrets: RunSecrets) -> None:
    name = create("v")
    put(name, "w")
    out = run_secrets(
        """
        name = sys.argv[1]
        for settings in (
            {"ttl": -1}, {"ttl": "1"}, {"ttl": 1}, {"ttl": 5000, "max_stale": 1000},
            {"sources": "nowhere"}, {"sources": []}, {"sources": 5}, {"concurrency": 0},
            {"max_entries": 1.5}, {"ttl": 60_000.5}, {"region": 5}, {"aliases": ["A"]}, {"aliases": {"a": "not one"}},
            {"declared": "a"}, {"declared": ["a b"]}, {"cache_file": 5}, {"cache_key": "canary"},
            {"cache_file": "/tmp/x"}, {"tll": 5}, {5: 5}, 5,
        ):
            try:
                tallylight.init(secrets=settings)
                sys.exit(f"{settings} should be refused")
            except tallylight.InvalidConfigError as error:
                if "canary" in str(error):
                    sys.exit(str(error))
        client = tallylight.init(secrets={
            "sources": ("override", "aws"), "ttl": 60_000.0, "max_stale": 90_000, "deadline": 2_000,
            "attempt_timeout": 1_000, "previous_grace": 0, "concurrency": 2, "max_entries": 10,
            "max_bytes": 100_000, "region": "us-east-1", "second_region": "eu-west-1",
            "endpoint": None, "aliases": {"a": "A", "b": ["B", "C"]}, "declared": [name],
        })
        print(client.get_secret(name).reveal(), client.status()["secrets"]["sources"])
        print([row["name"] == name for row in client.declared_secrets()].count(True))
        try:
            tallylight.init(secrets={"ttl": 1_000})
        except tallylight.ConflictError as error:
            print(error)
        """,
        name,
    )
    first, second, third = out.split("\n")
    assert first == "w ['override', 'aws']"
    assert second == "1"
    assert "(secrets)" in third

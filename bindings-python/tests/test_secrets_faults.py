"""What is served, how long it is waited for and what is counted when the source is out of order."""

from __future__ import annotations

import json

import pytest
from secrets_servers import (
    Proxy,
    RunSecrets,
    create,
    needs_servers,
    proxy,
    run_secrets,
)

__all__ = ["proxy", "run_secrets"]

pytestmark = needs_servers

SETTINGS = """
deadline, slack = 1_000, 4_000
tallylight.init(secrets={
    "ttl": 600, "max_stale": 5_000, "deadline": deadline, "attempt_timeout": 300,
})
cold, warm, canary = sys.argv[1:4]

def read(name):
    # What came, and whether it came within the deadline: `slack` is what a busy machine may add.
    began = time.monotonic()
    try:
        found = tallylight.get_secret(name).reveal()
    except tallylight.TallylightError as error:
        found = error
    waited = (time.monotonic() - began) * 1e3
    assert waited <= deadline + slack, waited
    if isinstance(found, Exception):
        said = f"{found!r} {found.details} {tallylight.status()}"
        assert canary not in said, said
        assert found.details["name"] == name and name in str(found), said
    return found
"""

# The mode of the proxy, its options, the code that a cold reader gets, and the kind that is counted.
OUTAGES = [
    ("refuse", {}, {"unavailable"}, {"unreachable"}),
    ("reset", {}, {"unavailable", "timeout"}, {"unreachable"}),
    ("cut", {}, {"unavailable", "timeout"}, {"unreachable"}),
    ("500", {}, {"unavailable"}, {"server_fault"}),
    ("503", {}, {"unavailable"}, {"server_fault"}),
    ("throttle", {}, {"unavailable"}, {"throttled"}),
    ("expired_token", {}, {"unavailable"}, {"credentials"}),
    ("hang", {}, {"timeout"}, {"timed_out"}),
    ("slow", {"delay_ms": 20_000}, {"timeout"}, {"timed_out"}),
    ("garbage", {}, {"unavailable"}, {"server_fault", "unreachable"}),
]
# Those that an answer of AWS's came with, whole enough to have its request id.
ANSWERED = {"500", "503", "throttle", "expired_token", "access_denied", "deleted", "not_found"}


@pytest.mark.parametrize(
    ("mode", "options", "codes", "kinds"), OUTAGES, ids=[outage[0] for outage in OUTAGES]
)
def test_an_outage_serves_what_is_not_too_old(
    mode: str, options: dict[str, object], codes: set[str], kinds: set[str], run_secrets: RunSecrets
) -> None:
    canary = "canary-Zx81-value"
    out = run_secrets(
        SETTINGS
        + """
import json
mode, options = sys.argv[4], json.loads(sys.argv[5])
first = read(warm)
fetched = time.monotonic()
proxy.mode(mode, **options)

# Within its time to live.
assert read(warm) == first == canary

# With nothing to serve.
error = read(cold)
print(json.dumps([error.code, sorted(error.details), isinstance(error, TimeoutError)]))

# Past its time to live: at once, however long the source hangs.
time.sleep(max(0, fetched + 0.8 - time.monotonic()))
for _ in range(20):
    began = time.monotonic()
    assert read(warm) == canary
    assert time.monotonic() - began < 0.3, "a stale value is not waited for"
try:
    tallylight.refresh_secret(warm)
    sys.exit("a stale value is no answer to a refresh")
except tallylight.TallylightError as error:
    assert error.code in ("unavailable", "timeout"), error

# Past the maximum staleness.
time.sleep(max(0, fetched + 5.3 - time.monotonic()))
error = read(warm)
counted = tallylight.status()["secrets"]
print(json.dumps([error.code, counted["failures"], counted["staleServes"] > 0, counted["evictions"]]))
assert tallylight.peek(warm) is None

# And again as soon as it answers.
proxy.mode("ok")
def recovered():
    return [read(name) for name in (cold, warm)] == [canary, canary]
eventually(recovered)
""",
        create(canary),
        create(canary),
        canary,
        mode,
        json.dumps(options),
    )
    cold, late = (json.loads(line) for line in out.split("\n"))
    assert cold[0] in codes
    assert "name" in cold[1]
    assert "region" in cold[1] or cold[0] == "timeout"
    assert "request_id" in cold[1] or mode not in ANSWERED
    assert cold[2] == (cold[0] == "timeout")
    assert late[0] in codes | {"timeout", "unavailable"}
    assert set(late[1]) & kinds
    assert late[2:] == [True, 1]


REVOCATIONS = [
    ("access_denied", "denied", "DeniedError"),
    ("deleted", "not_found", "NotFoundError"),
    ("not_found", "not_found", "NotFoundError"),
]


@pytest.mark.parametrize(("mode", "code", "name"), REVOCATIONS, ids=[row[0] for row in REVOCATIONS])
def test_a_revoked_secret_is_evicted_and_never_served_again(
    mode: str, code: str, name: str, run_secrets: RunSecrets
) -> None:
    canary = "canary-Zx81-value"
    out = run_secrets(
        SETTINGS
        + """
mode = sys.argv[4]
heard = tallylight.on_secret_change(name=warm)
assert read(warm) == canary
fetched = time.monotonic()
proxy.mode(mode)
assert read(warm) == canary
error = read(cold)
print(type(error).__name__, error.code, "aws_code" in error.details, "request_id" in error.details)

# Past its time to live: the first reader may be served once more, while it is asked for behind.
time.sleep(max(0, fetched + 0.8 - time.monotonic()))
eventually(lambda: isinstance(read(warm), Exception))
for _ in range(50):
    assert isinstance(read(warm), Exception)
    assert tallylight.peek(warm) is None
print(type(read(warm)).__name__)
change = next(heard)
print(change.kind, change.version, change.previous_version is not None)
counted = tallylight.status()["secrets"]
print(counted["evictions"], sorted(counted["failures"]), counted["cached"])
""",
        create(canary),
        create(canary),
        canary,
        mode,
    )
    assert out.split("\n") == [
        f"{name} {code} True True",
        name,
        "evicted None True",
        f"1 ['{code}'] 0",
    ]


def test_a_deadline_is_kept_by_threads_and_tasks(run_secrets: RunSecrets) -> None:
    out = run_secrets(
        """
        names = sys.argv[1:]
        tallylight.init(secrets={"deadline": 60_000, "attempt_timeout": 30_000})
        proxy.mode("hang")
        began = time.monotonic()
        try:
            tallylight.get_secret(names[0], deadline=200)
        except TimeoutError as error:
            print(error.code, "200 ms" in str(error), error.details["name"] == names[0])

        async def main():
            calls = [tallylight.get_secret_async(name, deadline=200) for name in names]
            calls += [tallylight.both_async(names[0], deadline=200)]
            calls += [tallylight.refresh_secret_async(names[1], deadline=200)]
            found = await asyncio.gather(*calls, return_exceptions=True)
            print({type(error).__name__ for error in found})

        asyncio.run(main())
        print(time.monotonic() - began < 10)
        """,
        create("v"),
        create("v"),
    )
    assert out.split("\n") == ["timeout True True", "{'TallylightTimeoutError'}", "True"]


def test_a_rotation_under_fifty_readers(run_secrets: RunSecrets) -> None:
    out = run_secrets(
        """
        name = sys.argv[1]
        ttl = 500
        tallylight.init(secrets={"ttl": ttl})
        assert tallylight.get_secret(name).reveal() == "old"
        heard = []
        tallylight.on_secret_change(heard.append, name)
        stop, wrong, reads = threading.Event(), [], []
        # By then nobody may have the old value: its time to live, jitter and a reading.
        limit = None

        def check(began, secret):
            value = secret.reveal()
            if value not in ("old", "new") or (limit and began > limit and value == "old"):
                wrong.append(value)
            reads.append(value)

        def reader():
            while not stop.is_set():
                try:
                    check(time.monotonic(), tallylight.get_secret(name))
                    current, previous = tallylight.both(name)
                    check(time.monotonic(), current)
                except Exception as error:
                    wrong.append(repr(error))
                time.sleep(0.005)

        async def task():
            while not stop.is_set():
                try:
                    check(time.monotonic(), await tallylight.get_secret_async(name))
                except Exception as error:
                    wrong.append(repr(error))
                await asyncio.sleep(0.005)

        async def tasks():
            await asyncio.gather(*[task() for _ in range(25)])

        threads = [threading.Thread(target=reader) for _ in range(25)]
        threads.append(threading.Thread(target=asyncio.run, args=(tasks(),)))
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        # As a rotation does it: put a pending version, try it, promote it; the old one is previous.
        before = tallylight.get_secret(name).version
        pending = put(name, "new", "AWSPENDING")
        assert tallylight.get_secret(name, stage="AWSPENDING").reveal() == "new"
        time.sleep(0.5)
        promote(name, pending)
        limit = time.monotonic() + ttl * 1.1 / 1e3 + 3
        eventually(lambda: heard)
        while time.monotonic() < limit + 0.5:
            time.sleep(0.1)
        stop.set()
        for thread in threads:
            thread.join()
        print(wrong[:3], set(reads) == {"old", "new"}, len(reads) > 200)
        print(len(heard), heard[0].kind, heard[0].version == pending, heard[0].previous_version == before)
        print([secret.reveal() for secret in tallylight.both(name)])
        """,
        create("old"),
    )
    assert out.split("\n") == ["[] True True", "1 rotated True True", "['new', 'old']"]

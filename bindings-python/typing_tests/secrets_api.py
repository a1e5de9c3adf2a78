"""What a type checker makes of secrets; checked by ``mypy --strict``, never run."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal, assert_type

import tallylight
from tallylight import (
    DefinedSecrets,
    Secret,
    SecretAccessor,
    SecretChange,
    SecretChanges,
    SecretPair,
    TallylightError,
)
from tallylight.documents import DeclaredSecret, SecretsSettings, SecretsStatus

secret = tallylight.get_secret("a")
assert_type(secret, Secret)
assert_type(tallylight.get_secret("a", key="b", stage="AWSPREVIOUS", max_age=5, deadline=0.5), Secret)
assert_type(tallylight.get_secret("a", version="c"), Secret)
assert_type(tallylight.init().get_secret("a"), Secret)
tallylight.get_secret("a", "b")  # type: ignore[call-arg]
tallylight.get_secret(5)  # type: ignore[arg-type]
tallylight.get_secret("a", dedline=5)  # type: ignore[call-arg]

assert_type(secret.reveal(), str)
assert_type(secret.reveal_bytes(), bytes)
assert_type(secret.json_key("a"), Secret)
assert_type(secret.name, str)
assert_type(secret.version, str | None)
assert_type(secret.stages, tuple[str, ...])
assert_type(secret.fetched_at, datetime)
assert_type(secret.age, float)
assert_type(secret.is_binary, bool)
assert_type(secret.source, Literal["override", "file", "aws", "environment", "disk"])
secret.name = "b"  # type: ignore[misc]
len(secret)  # type: ignore[arg-type]
list(secret)  # type: ignore[call-overload]
bytes(secret)  # type: ignore[call-overload]
"".join([secret])  # type: ignore[list-item]
Secret("a")  # type: ignore[call-arg]


class Sub(Secret):  # type: ignore[misc]
    pass


assert_type(tallylight.peek("a"), Secret | None)
assert_type(tallylight.get_secret_sync("a"), Secret)
assert_type(tallylight.refresh_secret("a", key="b"), Secret)
assert_type(tallylight.prefetch_secrets(), dict[str, Secret | TallylightError])
assert_type(tallylight.prefetch_secrets(["a"]), dict[str, Secret | TallylightError])
assert_type(tallylight.both("a"), SecretPair)
current, previous = tallylight.both("a")
assert_type(current, Secret)
assert_type(previous, Secret | None)
assert_type(tallylight.both("a").current, Secret)
assert_type(tallylight.both("a").previous, Secret | None)


def plain(secret: Secret) -> int:
    return 1


async def coroutine(secret: Secret) -> list[str]:
    return []


assert_type(tallylight.with_secret("a", plain), int)
assert_type(tallylight.with_secret("a", lambda secret: secret.reveal(), key="b"), str)
tallylight.with_secret("a", plain, is_refused=lambda error: isinstance(error, KeyError))
wrong = tallylight.with_secret("a", lambda: 5)  # type: ignore[arg-type,misc,var-annotated]


async def tasks() -> None:
    assert_type(await tallylight.get_secret_async("a", key="b"), Secret)
    assert_type(await tallylight.refresh_secret_async("a"), Secret)
    assert_type(await tallylight.both_async("a"), SecretPair)
    assert_type(await tallylight.prefetch_secrets_async(), dict[str, Secret | TallylightError])
    assert_type(await tallylight.with_secret("a", coroutine), list[str])
    assert_type(await tallylight.init().get_secret_async("a"), Secret)
    async for change in tallylight.on_secret_change(name="a"):
        assert_type(change, SecretChange)
    async with tallylight.on_secret_change() as changes:
        assert_type(changes, SecretChanges)


def called(change: SecretChange) -> None:
    assert_type(change.kind, Literal["rotated", "evicted"])
    assert_type(change.at, datetime)


assert_type(tallylight.on_secret_change(called, "a"), SecretChanges)
tallylight.on_secret_change(plain)  # type: ignore[arg-type]
with tallylight.on_secret_change() as changes:
    for change in changes:
        assert_type(change, SecretChange)
    assert_type(changes.next(timeout=5), SecretChange | None)

tallylight.set_secret_override("a", b"b")
tallylight.set_secret_override("a", secret)
tallylight.set_secret_override("a", 5)  # type: ignore[arg-type]
with tallylight.secret_overrides({"a": "b"}):
    pass
with tallylight.init().secret_overrides({"a": b"b"}):
    pass
assert_type(tallylight.scrub("a"), str)
assert_type(tallylight.declared_secrets(), list[DeclaredSecret])
assert_type(tallylight.status()["secrets"], SecretsStatus)

defined = tallylight.define_secrets(a="a", b=("b", "key"), c=SecretAccessor("c"))
assert_type(defined, DefinedSecrets)
assert_type(defined.a, SecretAccessor)
assert_type(defined.a.get(), Secret)
tallylight.define_secrets(a=5)  # type: ignore[arg-type]


class Keys:
    gemini = SecretAccessor("cineview-gemini-api")


assert_type(Keys.gemini.get(deadline=5), Secret)
assert_type(Keys.gemini.with_secret(plain), int)
Keys.gemnii  # type: ignore[attr-defined]

settings: SecretsSettings = {"ttl": 600_000, "sources": ["aws"], "cache_file": Path("a")}
tallylight.init(secrets=settings)
tallylight.init(secrets={"aliases": {"a": "A", "b": ["B"]}, "cache_key": "k"})
tallylight.init(secrets={"tll": 5})  # type: ignore[arg-type]

try:
    tallylight.get_secret("a")
except tallylight.TallylightTimeoutError as error:
    timeout: TimeoutError = error
    assert_type(error.details, dict[str, str])

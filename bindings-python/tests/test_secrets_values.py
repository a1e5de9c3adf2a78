"""The class of a value, overrides, arguments: what needs no source."""

from __future__ import annotations

import base64
import copy
import dataclasses
import functools
import json
import os
import pickle
import subprocess
import sys
import types
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from conftest import ROOT
from secrets_servers import RunSecrets, run_alone

import tallylight
from tallylight import Secret

__all__ = ["run_alone"]

CANARY = 'canary-7Zq"v/€+x9 e\nnd'


@pytest.fixture
def secret(name: str) -> Secret:
    name = "".join(c if c.isalnum() else "-" for c in name)
    tallylight.set_secret_override(name, CANARY)
    return tallylight.get_secret(name)


def test_a_secret_says_everything_but_its_value(secret: Secret) -> None:
    assert secret.reveal() == CANARY
    assert secret.reveal_bytes() == CANARY.encode()
    assert (secret.source, secret.version, secret.arn, secret.region) == ("override", *[None] * 3)
    assert (secret.stages, secret.is_binary) == ((), False)
    assert secret.fetched_at.utcoffset() is not None
    assert 0 <= secret.age < 600_000
    redacted = f"Secret({secret.name}, [redacted])"
    assert repr(secret) == str(secret) == f"{secret}" == "%s" % secret == "%r" % secret == redacted
    assert f"{secret:>200}" == redacted.rjust(200)


def test_what_would_show_or_move_the_value_is_refused(secret: Secret) -> None:
    anything: Any = secret
    attempts: list[Callable[[], object]] = [
        lambda: pickle.dumps(secret),
        lambda: pickle.dumps({"key": secret}, protocol=2),
        lambda: json.dumps({"key": secret}),
        lambda: len(anything),
        lambda: bytes(anything),
        lambda: memoryview(anything),
        lambda: list(anything),
        lambda: "c" in anything,
        lambda: anything[0],
        lambda: anything + "x",
        lambda: vars(anything),
        lambda: "%d" % anything,
        lambda: f"{anything:d}",
        lambda: "".join([anything]),
        lambda: anything.__class__.__new__(anything.__class__),
        lambda: setattr(anything, "name", "x"),
        lambda: types.new_class("Sub", (Secret,)),
    ]
    for attempt in attempts:
        with pytest.raises((TypeError, ValueError, AttributeError)) as refused:
            attempt()
        assert_clean(str(refused.value))
    with pytest.raises(TypeError, match="hand its name over"):
        pickle.dumps(secret)


def test_copies_are_the_secret_itself(secret: Secret) -> None:
    assert copy.copy(secret) is secret
    assert copy.deepcopy({"a": [secret]})["a"][0] is secret

    @dataclasses.dataclass
    class Holder:
        secret: Secret

    holder = Holder(secret)
    assert dataclasses.asdict(holder)["secret"] is secret
    assert_clean(repr(holder))


def test_equality_is_of_name_and_value_and_never_with_a_text(secret: Secret) -> None:
    name = secret.name
    tallylight.clear_secret_override(name)
    tallylight.set_secret_override(name, CANARY)
    again = tallylight.get_secret(name)
    assert again is not secret
    assert again == secret
    assert hash(again) == hash(secret)
    assert {secret: 1}[again] == 1
    tallylight.set_secret_override(name, "another")
    assert tallylight.get_secret(name) != secret
    tallylight.set_secret_override(name + "2", CANARY)
    assert tallylight.get_secret(name + "2") != secret
    assert secret != CANARY
    assert secret != CANARY.encode()
    assert bool(secret)


def test_values_that_are_no_text() -> None:
    value = b"\xff\x00\xfe"
    tallylight.set_secret_override("python-bytes", value)
    secret = tallylight.get_secret("python-bytes")
    assert secret.is_binary
    assert secret.reveal_bytes() == value
    with pytest.raises(tallylight.InvalidValueError, match="no UTF-8") as refused:
        secret.reveal()
    assert refused.value.details == {"name": "python-bytes"}
    with pytest.raises(tallylight.InvalidValueError, match="no JSON object"):
        secret.json_key("a")
    tallylight.set_secret_override("python-bytes", bytearray(b"x"))
    assert tallylight.get_secret("python-bytes").reveal() == "x"
    tallylight.set_secret_override("python-bytes-2", secret)
    assert tallylight.get_secret("python-bytes-2").reveal_bytes() == value


def test_one_key_of_a_json_secret() -> None:
    document = {"user": "u", "password": CANARY, "port": 5432, "deep": {"a/b": "c"}, "no": None}
    tallylight.set_secret_override("python-json", json.dumps(document))
    get = functools.partial(tallylight.get_secret, "python-json")
    assert get(key="password").reveal() == CANARY
    assert get(key="password") is get(key="password") is not get(key="user")
    assert get(key="user").reveal() == "u"
    assert get(key="port").reveal() == "5432"
    assert get(key="/deep/a~1b").reveal() == "c"
    assert get().json_key("user").reveal() == "u"
    peeked = tallylight.peek("python-json", key="user")
    assert peeked is not None
    assert peeked.reveal() == "u"
    assert_clean(repr(get(key="password")))
    with pytest.raises(tallylight.NotFoundError, match="its keys are") as missing:
        get(key="passwort")
    assert_clean(str(missing.value))
    with pytest.raises(tallylight.InvalidValueError, match="null"):
        get(key="no")


def test_the_held_value_is_the_same_object_until_something_changes() -> None:
    tallylight.set_secret_override("python-held", "1")
    first = tallylight.get_secret("python-held")
    assert tallylight.get_secret("python-held") is first
    assert tallylight.peek("python-held") is first
    assert tallylight.get_secret_sync("python-held") is first
    tallylight.set_secret_override("python-held", "2")
    assert tallylight.get_secret("python-held").reveal() == "2"
    tallylight.clear_secret_override("python-held")
    with pytest.raises(tallylight.NotReadyError):
        tallylight.get_secret_sync("python-held")
    assert tallylight.peek("python-held") is None


def test_a_str_of_a_class_of_its_own_is_a_name_too() -> None:
    class Name(str):
        def __eq__(self, other: object) -> bool:
            raise AssertionError("compared")

        __hash__ = str.__hash__

    tallylight.set_secret_override("python-subclass", "v")
    assert tallylight.get_secret("python-subclass").reveal() == "v"
    assert tallylight.get_secret(Name("python-subclass")).reveal() == "v"


def test_hits_are_counted_by_whoever_serves_them() -> None:
    tallylight.set_secret_override("python-counted", "v")
    tallylight.get_secret("python-counted")
    before = tallylight.status()["secrets"]["hits"]
    for _ in range(1000):
        tallylight.get_secret("python-counted")
        tallylight.peek("python-counted")
    assert tallylight.status()["secrets"]["hits"] == before + 2000


def test_overrides_for_a_test_end_with_their_block() -> None:
    def value(name: str) -> str | None:
        secret = tallylight.peek(name)
        return None if secret is None else secret.reveal()

    tallylight.set_secret_override("python-kept", "before")
    with tallylight.secret_overrides({"python-kept": "1", "python-new": b"2"}) as overrides:
        assert (value("python-kept"), value("python-new")) == ("1", "2")
        with tallylight.secret_overrides({"python-kept": "3"}):
            assert value("python-kept") == "3"
        assert value("python-kept") == "1"
        assert repr(overrides) == "<tallylight.secret_overrides python-kept, python-new>"
    assert (value("python-kept"), value("python-new")) == ("before", None)
    with pytest.raises(tallylight.InvalidValueError):
        with tallylight.secret_overrides({"python-kept": "5", "python-wrong": 5}):  # type: ignore[dict-item]
            pass
    assert value("python-kept") == "before"
    with pytest.raises(KeyError):
        with tallylight.secret_overrides({"python-new": "6"}):
            raise KeyError
    assert value("python-new") is None


@pytest.mark.parametrize("call", ["get_secret", "peek", "get_secret_sync", "refresh_secret", "both"])
def test_wrong_arguments_are_typed_errors(call: str) -> None:
    function: Any = getattr(tallylight, call)
    for name in ("", "n" * 600, "naïve", "a\x00b", "\udc80", 5, None, b"bytes", ["a"]):
        # `peek` answers what it has, and of such a name it has nothing.
        if call == "peek" and isinstance(name, str) and name != "\udc80":
            assert function(name) is None
            continue
        with pytest.raises(tallylight.InvalidNameError):
            function(name)
    for wrong in (float("nan"), -1, float("inf"), 1e300, "5", object()):
        with pytest.raises(tallylight.InvalidValueError, match="deadline"):
            if call in ("peek", "get_secret_sync"):
                tallylight.get_secret("python-x", deadline=wrong)  # type: ignore[arg-type]
            else:
                function("python-x", deadline=wrong)
    with pytest.raises(tallylight.InvalidValueError, match="key must be a str"):
        function("python-x", key=5)
    with pytest.raises(TypeError, match="unexpected keyword argument 'naem'"):
        function("python-x", naem=5)
    with pytest.raises(TypeError):
        function()
    with pytest.raises(TypeError):
        function("python-x", "key")
    with pytest.raises(TypeError, match="multiple values"):
        function("python-x", name="python-x")


def test_the_name_may_be_given_by_name() -> None:
    tallylight.set_secret_override("python-by-name", "v")
    assert tallylight.get_secret(name="python-by-name").reveal() == "v"
    assert tallylight.get_secret("python-by-name", key=None, deadline=None).reveal() == "v"


def test_wrong_overrides_are_typed_errors() -> None:
    for wrong in (5, None, ["a"]):
        with pytest.raises(tallylight.InvalidValueError, match="must be a str, bytes or a Secret"):
            tallylight.set_secret_override("python-x", wrong)  # type: ignore[arg-type]
    with pytest.raises(tallylight.InvalidValueError, match="65537") as refused:
        tallylight.set_secret_override("python-x", "v" * 65_537)
    assert "vvv" not in str(refused.value)
    tallylight.set_secret_override("python-largest", "v" * 65_536)
    assert len(tallylight.get_secret("python-largest").reveal()) == 65_536
    with pytest.raises(tallylight.InvalidNameError):
        tallylight.set_secret_override("", "v")
    with pytest.raises(tallylight.InvalidNameError, match="names must be a list"):
        tallylight.prefetch_secrets("cineview-gemini-api")
    assert tallylight.prefetch_secrets([]) == {}


def text(value: Any) -> str:
    if isinstance(value, list):
        return "".join(text(part) for part in value)
    return str(value["chars"] * value["times"] if isinstance(value, dict) else value)


VECTORS = ROOT / "tests" / "vectors" / "secret_names.json"


@pytest.mark.skipif(not VECTORS.exists(), reason="there are no vectors of names")
def test_names_as_in_every_language() -> None:
    names = json.loads(VECTORS.read_text(encoding="utf-8"))
    for case in names["valid"]:
        name = text(case["input"])
        with tallylight.secret_overrides({name: "v"}):
            assert tallylight.get_secret(name).name == name
    for case in names["invalid"]:
        with pytest.raises(tallylight.InvalidNameError) as refused:
            tallylight.get_secret(text(case["input"]))
        assert refused.value.code == case["error"]
        assert case["says"] in str(refused.value)
        assert "hunter2" not in str(refused.value)


def test_declared_secrets_and_accessors() -> None:
    declared = {row["name"]: row for row in tallylight.declared_secrets()}
    assert declared["cineview-gemini-api"]["aliases"] == ["GEMINI_API_KEY"]
    assert len(declared) >= 3
    defined = tallylight.define_secrets(
        gemini="cineview-gemini-api",
        database=("python-db", "password"),
        other=tallylight.SecretAccessor("python-other"),
    )
    with tallylight.secret_overrides(
        {"cineview-gemini-api": "g", "python-db": '{"password":"p"}', "python-other": "o"}
    ):
        assert [accessor.get().reveal() for accessor in defined] == ["g", "p", "o"]
        assert defined.gemini.get_sync().reveal() == "g"
        assert defined.database.with_secret(lambda secret: secret.reveal() + "!") == "p!"
    assert defined.gemini.peek() is None
    with pytest.raises(AttributeError, match="did you mean 'database'"):
        defined.databse  # noqa: B018
    with pytest.raises(tallylight.InvalidNameError, match="must be a str, not int"):
        tallylight.define_secrets(first=5)  # type: ignore[arg-type]
    assert repr(defined.database) == "<tallylight.SecretAccessor python-db key='password'>"


def test_the_command_line_reveals_to_whoever_reads_and_fails_where_nobody_could() -> None:
    def get(redirection: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tallylight", "secrets", "get", "cineview-gemini-api"]
        return subprocess.run(
            ["sh", "-c", f'exec "$@" {redirection}', "sh", *command, "--reveal"],
            env={
                **os.environ,
                "TALLYLIGHT_ENVIRONMENT": "development",
                "GEMINI_API_KEY": CANARY,
                "AWS_REGION": "",
            },
            capture_output=True,
            text=True,
        )

    piped = get("")
    assert (piped.returncode, piped.stdout) == (0, CANARY), piped.stderr
    assert get(">/dev/null").returncode == 0
    closed = get(">&-")
    assert closed.returncode == 1
    assert "standard output is closed" in closed.stderr
    assert_clean(closed.stderr)


def test_every_function_is_a_method_of_the_client() -> None:
    for name in tallylight.__all__:
        if "secret" in name.lower() or name in ("both", "both_async", "peek", "scrub"):
            if name[0].islower():
                of_client = getattr(tallylight.init(), name)
                assert of_client == getattr(tallylight, name), name


def forms(value: str) -> list[str]:
    """A value as it may turn up in some output."""
    raw = value.encode()
    found = [value, repr(value)[1:-1], json.dumps(value)[1:-1], quote(value), raw.hex()]
    found.append(json.dumps(value, ensure_ascii=False)[1:-1])
    for pad in (b"", b"x", b"xx"):
        # Whole groups of three bytes: what stands whatever comes before and after.
        whole = base64.b64encode(pad + raw).decode()
        found.append(whole[4 if pad else 0 : len(whole) // 4 * 4 - 4])
    return found


def assert_clean(output: str) -> None:
    for form in forms(CANARY):
        assert form not in output


def test_a_leak_hunt_finds_nothing(run_alone: RunSecrets) -> None:
    script = """
        import base64, cgitb, copy, dataclasses, faulthandler, io, json, logging, pickle, pprint
        import traceback
        from urllib.parse import quote
        tallylight.init(environment="production")
        value = sys.argv[1]
        name = "python-canary"
        tallylight.set_secret_override(name, value)
        tallylight.set_secret_override("python-json", json.dumps({"password": value, "a": 1}))
        secret, leaf = tallylight.get_secret(name), tallylight.get_secret("python-json", key="password")
        assert secret.reveal() == leaf.reveal() == value
        del value, sys.argv[1]
        whole = tallylight.get_secret("python-json")
        stream = io.StringIO()
        logging.basicConfig(stream=stream, level=0, format="%(message)s %(args)s")

        @dataclasses.dataclass
        class Settings:
            secret: object
            others: list

        def say(*things):
            for thing in things:
                print(thing, repr(thing), "%s" % (thing,), format(thing), ascii(thing), file=stream)

        held = Settings(secret, [leaf, whole])
        say(secret, leaf, whole, held, [held], {"a": secret}, tallylight.both(name))
        say(tallylight.prefetch_secrets([name]), dir(secret), dataclasses.asdict(held))
        say(tallylight.secret_overrides({name: secret}), tallylight.define_secrets(a=name))
        say(tallylight.declared_secrets(), tallylight.status(), tallylight.snapshot())
        say(tallylight.on_secret_change(), tallylight.default, secret.__getstate__()
            if hasattr(secret, "__getstate__") else None, sys.getsizeof(secret))
        pprint.pprint([held, {secret: leaf}], stream=stream)
        logging.getLogger().warning("x %s %r", secret, leaf, extra={"secret": whole})
        inspected = {attribute: getattr(secret, attribute) for attribute in dir(secret)
                     if not attribute.startswith("reveal")}
        say(inspected)
        attempts = [
            lambda: pickle.dumps(secret), lambda: json.dumps(leaf), lambda: secret.json_key("a"),
            lambda: whole.json_key("b"), lambda: leaf + "x", lambda: "".join([leaf]),
            lambda: tallylight.get_secret("python-json", key="none"), lambda: {}[secret],
            lambda: tallylight.get_secret(secret), lambda: tallylight.scrub(secret),
            lambda: tallylight.with_secret(name, lambda found: 1 / 0),
            lambda: tallylight.set_secret_override(secret, secret),
            lambda: tallylight.init(secrets={"cache_key": secret}),
            lambda: tallylight.operation(secret), lambda: tallylight.get_secret(name, key=leaf),
        ]
        for attempt in attempts:
            try:
                attempt()
                sys.exit("an attempt should have failed")
            except Exception as error:
                say(error, getattr(error, "details", None), error.args)
                traceback.print_exception(error, file=stream)
                shown = traceback.TracebackException.from_exception(error, capture_locals=True)
                stream.write("".join(shown.format()))
                stream.write(cgitb.text(sys.exc_info()))
                stream.write(cgitb.html(sys.exc_info()))
        with open(os.devnull, "w") as null:
            faulthandler.dump_traceback(null)
        plain = secret.reveal()
        for form in (plain, json.dumps(plain), quote(plain), base64.b64encode(plain.encode()).decode()):
            scrubbed = tallylight.scrub(f"before {form} after")
            assert "redacted" in scrubbed, form
            stream.write(scrubbed)
        tallylight.shutdown()
        del plain
        sys.stdout.reconfigure(encoding="utf-8")
        sys.stdout.write(stream.getvalue())
        """
    out = run_alone(script, CANARY, env={"PYTHONIOENCODING": "utf-8"})
    assert "[redacted]" in out
    assert_clean(out)

"""moto, the fault proxy in front of it, and scripts that read secrets through both.

``cargo xtask test`` starts moto and builds the proxy; the tests that need them are skipped where
the variables that say where they are are unset.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from conftest import RunPython

REGION = "us-east-1"

needs_servers = pytest.mark.skipif(
    not (os.environ.get("TALLYLIGHT_TEST_MOTO") and os.environ.get("TALLYLIGHT_TEST_FAULT_PROXY")),
    reason="TALLYLIGHT_TEST_MOTO and TALLYLIGHT_TEST_FAULT_PROXY are unset; `cargo xtask test` sets them",
)


def aws(operation: str, body: dict[str, Any], url: str | None = None) -> Any:
    """One call of Secrets Manager's, without an SDK; straight to moto unless told otherwise."""
    base = url or os.environ["TALLYLIGHT_TEST_MOTO"]
    request = urllib.request.Request(
        base + "/",
        json.dumps(body).encode(),
        {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"secretsmanager.{operation}",
            # moto reads the service and the region from here and checks nothing.
            "Authorization": f"AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/secretsmanager"
            "/aws4_request, SignedHeaders=host, Signature=0",
        },
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def create(value: str | bytes, name: str | None = None) -> str:
    """A secret of its own for a test; returns its name."""
    name = name or f"python-{uuid4()}"
    if isinstance(value, bytes):
        from base64 import b64encode

        aws("CreateSecret", {"Name": name, "SecretBinary": b64encode(value).decode()})
    else:
        aws("CreateSecret", {"Name": name, "SecretString": value})
    return name


def put(name: str, value: str, stage: str = "AWSCURRENT") -> str:
    """A new version with that stage; returns its id."""
    token = str(uuid4())
    body = {"SecretId": name, "SecretString": value, "ClientRequestToken": token}
    aws("PutSecretValue", {**body, "VersionStages": [stage]})
    return token


def promote(name: str, version: str) -> None:
    """Makes a pending version the current one, as the last step of a rotation does."""
    known = aws("DescribeSecret", {"SecretId": name})["VersionIdsToStages"]
    (current,) = (known_id for known_id, stages in known.items() if "AWSCURRENT" in stages)
    stage = {"SecretId": name, "VersionStage": "AWSCURRENT"}
    aws(
        "UpdateSecretVersionStage",
        {**stage, "MoveToVersionId": version, "RemoveFromVersionId": current},
    )


class Control:
    """Tells a fault proxy what to do, from whatever process."""

    def __init__(self, url: str) -> None:
        self.url = url

    def say(self, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data)) as answer:
            return json.load(answer)

    def mode(self, mode: str, **more: object) -> None:
        self.say("/mode", {"rules": [{"mode": mode, **more}]})

    def calls(self, name: str, operation: str = "GetSecretValue") -> int:
        """How often that operation was called for that secret."""
        calls: dict[str, int] = self.say("/counts")["calls"].get(operation, {})
        return calls.get(name, 0)


class Proxy(Control):
    """A fault proxy of its own."""

    def __init__(self) -> None:
        program = os.environ["TALLYLIGHT_TEST_FAULT_PROXY"]
        self.child = subprocess.Popen(
            [program, "--upstream", os.environ["TALLYLIGHT_TEST_MOTO"]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.child.stdout is not None
        ready = json.loads(self.child.stdout.readline())
        self.proxy = str(ready["proxy"])
        super().__init__(ready["control"])

    def stop(self) -> None:
        # It ends when its stdin does.
        self.child.communicate()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    proxy = Proxy()
    yield proxy
    proxy.stop()


RunSecrets = Callable[..., str]

PRELUDE = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import asyncio, threading, time
import tallylight
from secrets_servers import Control, aws, create, eventually, promote, put
proxy = Control(os.environ.get("CONTROL", ""))
"""

NO_AWS = {
    "AWS_ACCESS_KEY_ID": "",
    "AWS_SECRET_ACCESS_KEY": "",
    "AWS_REGION": "",
    "AWS_DEFAULT_REGION": "",
    "AWS_ENDPOINT_URL": "",
}


@pytest.fixture
def run_secrets(run_python: RunPython, proxy: Proxy) -> RunSecrets:
    """As ``run_python``, with AWS behind the fault proxy and this module's helpers at hand."""

    def run(script: str, *args: str, env: dict[str, str] | None = None) -> str:
        servers = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": proxy.proxy,
            "CONTROL": proxy.url,
            "TALLYLIGHT_TEST_MOTO": os.environ["TALLYLIGHT_TEST_MOTO"],
        }
        return run_python(PRELUDE + textwrap.dedent(script), *args, env={**servers, **(env or {})})

    return run


@pytest.fixture
def run_alone(run_python: RunPython) -> RunSecrets:
    """As ``run_python``, with no AWS in sight."""

    def run(script: str, *args: str, env: dict[str, str] | None = None) -> str:
        return run_python(PRELUDE + textwrap.dedent(script), *args, env={**NO_AWS, **(env or {})})

    return run


def eventually(holds: Callable[[], object], seconds: float = 20) -> None:
    """Asks until it holds."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            sys.exit("what should hold by now does not")
        time.sleep(0.02)

"""What is started: for each language the peers, all three together, and Tallylight, as snippets of that language."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
BINDINGS_NODE = HERE.parent.parent / "bindings-node"

TOGETHER = "the three together in one process"
OURS = "Tallylight"


@dataclass(frozen=True)
class Target:
    """`load` is the import, `init` what a service calls before its first request."""

    language: str
    name: str
    load: str
    init: str
    peer: bool = True


#: Nobody listens there, and nothing is sent: no snippet captures an event.
_DSN = "http://key@127.0.0.1:9/1"

_NODE_PROM = ("const prom = require('prom-client');", "prom.collectDefaultMetrics();")
_NODE_AWS = (
    "const aws = require('@aws-sdk/client-secrets-manager');",
    "new aws.SecretsManagerClient({ region: 'us-east-1' });",
)
_NODE_SENTRY = (
    "const sentry = require('@sentry/node');",
    f"sentry.init({{ dsn: '{_DSN}', tracesSampleRate: 0.1 }});",
)

_PYTHON_PROM = ("import prometheus_client", "prometheus_client.Histogram('latency', 'Latency.')")
_PYTHON_BOTO = (
    "import boto3",
    "boto3.client('secretsmanager', region_name='us-east-1',"
    " aws_access_key_id='none', aws_secret_access_key='none')",
)
_PYTHON_SENTRY = ("import sentry_sdk", f"sentry_sdk.init(dsn='{_DSN}', traces_sample_rate=0.1)")


def _peers(language: str, named: dict[str, tuple[str, str]]) -> list[Target]:
    singles = [Target(language, name, load, init) for name, (load, init) in named.items()]
    return [
        *singles,
        Target(
            language,
            TOGETHER,
            "\n".join(target.load for target in singles),
            "\n".join(target.init for target in singles),
        ),
    ]


def targets(peers_only: bool) -> list[Target]:
    chosen = [
        *_peers(
            "node",
            {
                "prom-client": _NODE_PROM,
                "@aws-sdk/client-secrets-manager": _NODE_AWS,
                "@sentry/node": _NODE_SENTRY,
            },
        ),
        *_peers(
            "python",
            {"prometheus_client": _PYTHON_PROM, "boto3": _PYTHON_BOTO, "sentry_sdk": _PYTHON_SENTRY},
        ),
    ]
    if not peers_only:
        load = f"const tallylight = require({json.dumps(str(BINDINGS_NODE))});"
        chosen += [
            Target("node", OURS, load, "tallylight.init();", peer=False),
            Target("python", OURS, "import tallylight", "tallylight.init()", peer=False),
        ]
    return chosen


def command(target: Target) -> Sequence[str]:
    """A fresh process that prints `[load ms, load and init ms, MiB after load, MiB after init]`."""
    if target.language == "node":
        return ["node", "-e", _NODE.format(load=target.load, init=target.init)]
    python = str(HERE / ".venv" / "bin" / "python")
    return [python, "-c", _PYTHON.format(load=target.load, init=target.init)]


_NODE = """
const now = () => Number(process.hrtime.bigint()) / 1e6;
const mebibytes = () => process.memoryUsage.rss() / 1048576;
const memory = mebibytes();
const start = now();
{load}
const loaded = now();
const loadedMemory = mebibytes();
const beforeInit = now();
{init}
const initialised = now();
const answer = [loaded - start, loaded - start + initialised - beforeInit, loadedMemory - memory, mebibytes() - memory];
require('node:fs').writeSync(1, JSON.stringify(answer));
process.exit(0);
"""

# The resident size comes from the kernel in one read, so that the reading itself loads nothing.
_PYTHON = """
import sys, time
def mebibytes(page=4096 / 1048576):
    with open('/proc/self/statm') as statm:
        return int(statm.read().split()[1]) * page
memory = mebibytes()
start = time.perf_counter()
{load}
loaded = time.perf_counter()
loaded_memory = mebibytes()
before_init = time.perf_counter()
{init}
initialised = time.perf_counter()
total = loaded - start + initialised - before_init
print([(loaded - start) * 1000, total * 1000, loaded_memory - memory, mebibytes() - memory])
sys.stdout.flush()
import os
os._exit(0)
"""

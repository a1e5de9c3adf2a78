"""How much disk an installed tree takes: the sizes of its files added up (no rounding to blocks, which would favour us)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from targets import BINDINGS_NODE, HERE, OURS

NODE_TREE = "prom-client + @aws-sdk/client-secrets-manager + @sentry/node"
PYTHON_TREE = "prometheus_client + boto3 + aws-secretsmanager-caching + sentry-sdk"

_MIB = 1024 * 1024

# Runs in the peers' environment: its own tools and Tallylight are not the peers'.
_DISTRIBUTIONS = """
import importlib.metadata, json, os
sizes = {}
for distribution in importlib.metadata.distributions():
    name = distribution.metadata['Name']
    files = [distribution.locate_file(file) for file in distribution.files or []]
    sizes[name] = sum(os.path.getsize(file) for file in files if os.path.exists(file))
print(json.dumps(sizes))
"""


def installed(peers_only: bool) -> list[dict[str, object]]:
    rows = [*_node_peers(), *_python(peers_only)]
    if not peers_only:
        rows += _node_ours()
    return rows


def _row(language: str, what: str, name: str, peer: bool, unit: str, value: float) -> dict[str, object]:
    return {
        "group": f"Installed in {language}: {what}",
        "name": name,
        "peer": peer,
        "threads": 1,
        "unit": unit,
        "value": round(value, 3),
        "min": round(value, 3),
        "max": round(value, 3),
    }


def _node_peers() -> list[dict[str, object]]:
    tree = HERE / "node" / "node_modules"
    files = [path for path in tree.rglob("*") if path.is_file() and not path.is_symlink()]
    # npm's own list of what it installed here; the lock file names other platforms' packages too.
    packages = len(json.loads((tree / ".package-lock.json").read_text())["packages"])
    return [
        _row("Node", "size", NODE_TREE, True, "MiB", sum(file.stat().st_size for file in files) / _MIB),
        _row("Node", "packages", NODE_TREE, True, "count", packages),
    ]


def _node_ours() -> list[dict[str, object]]:
    packed = subprocess.run(
        ["npm", "pack", "--dry-run", "--json", "--ignore-scripts"],
        cwd=BINDINGS_NODE,
        check=True,
        capture_output=True,
        text=True,
    )
    [package] = json.loads(packed.stdout)
    manifest = json.loads((BINDINGS_NODE / "package.json").read_text())
    packages = 1 + len(manifest.get("dependencies", {}))
    size = _row("Node", "size", OURS, False, "MiB", package["unpackedSize"] / _MIB)
    size["goal"] = [_fifth(NODE_TREE)]
    size["note"] = "what npm unpacks, with this platform's addon as it was last built"
    return [size, _row("Node", "packages", OURS, False, "count", packages)]


def _python(peers_only: bool) -> list[dict[str, object]]:
    python = HERE / ".venv" / "bin" / "python"
    answer = subprocess.run([python, "-c", _DISTRIBUTIONS], check=True, capture_output=True, text=True)
    sizes: dict[str, int] = json.loads(answer.stdout)
    ours = sizes.pop("tallylight", None)
    peers = {name: size for name, size in sizes.items() if name not in ("pip", "setuptools")}
    rows = [
        _row("Python", "size", PYTHON_TREE, True, "MiB", sum(peers.values()) / _MIB),
        _row("Python", "packages", PYTHON_TREE, True, "count", len(peers)),
    ]
    if not peers_only:
        if ours is None:
            raise SystemExit("tallylight is not installed in bench/startup/.venv; run bench/prepare first")
        size = _row("Python", "size", OURS, False, "MiB", ours / _MIB)
        size["goal"] = [_fifth(PYTHON_TREE)]
        rows += [size, _row("Python", "packages", OURS, False, "count", 1)]
    return rows


def _fifth(against: str) -> dict[str, object]:
    return {"text": "<= 1/5 of the tree it replaces", "against": against, "ratio": 1 / 5, "direction": "max"}

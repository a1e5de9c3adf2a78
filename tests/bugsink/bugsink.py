"""Asks Bugsink what it has, and has Bugsink's schema judge it."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

Event = dict[str, Any]

ROOT = Path(__file__).parents[2]
#: How long an event may take that is on its way.
PATIENCE = 30.0


def environment(name: str) -> str:
    return os.environ[f"TALLYLIGHT_TEST_{name}"]


def asked(path: str) -> Any:
    request = urllib.request.Request(
        f"{environment('BUGSINK')}/api/canonical/0{path}",
        headers={"Authorization": f"Bearer {environment('BUGSINK_TOKEN')}"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def pages(path: str) -> list[Any]:
    """The rows of every page."""
    rows, address = [], path
    while address:
        page = asked(address)
        rows += page["results"]
        address = page["next"] and page["next"].split("/api/canonical/0", 1)[1]
    return rows


def project(language: str) -> str:
    """Its number, which is the end of its DSN."""
    return environment(f"BUGSINK_DSN_{language.upper()}").rsplit("/", 1)[1]


def stored(language: str, wanted: Callable[[Event], bool], count: int = 1) -> list[Event]:
    """The events of a project that are wanted; waits until there are so many."""
    seen: dict[str, Event] = {}
    until = time.monotonic() + PATIENCE
    while True:
        for issue in pages(f"/issues/?project={project(language)}"):
            for row in pages(f"/events/?issue={issue['id']}"):
                if row["id"] not in seen:
                    seen[row["id"]] = asked(f"/events/{row['id']}/")["data"]
        found = [event for event in seen.values() if wanted(event)]
        if len(found) >= count or time.monotonic() > until:
            return found
        time.sleep(0.2)


def of_run(token: str) -> Callable[[Event], bool]:
    return lambda event: event.get("tags", {}).get("run") == token


def complaints(event: Event) -> str:
    """What Bugsink's schema has against an event; nothing when it has nothing."""
    code = (
        "import json, sys; from pathlib import Path; import api, jsonschema; "
        "schema = json.loads((Path(list(api.__path__)[0]) / 'event.schema.altered.json').read_text()); "
        "event = json.load(sys.stdin); event.pop('_meta', None); "
        "print(*(e.json_path + ': ' + e.message for e in jsonschema.Draft7Validator(schema).iter_errors(event)), sep='\\n')"
    )
    ran = subprocess.run(
        [environment("BUGSINK_PYTHON"), "-c", code],
        input=json.dumps(event),
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.strip()

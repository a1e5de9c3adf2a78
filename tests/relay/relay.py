"""Sentry's own validation and scrubbing of an event, as its servers run them before they store it.

Used by every suite that makes events: `complaints(event)` is empty when a server takes the event as
it is. Needs the PyPI package `sentry-relay`.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Iterator

from sentry_relay.processing import (
    StoreNormalizer,
    convert_datascrubbing_config,
    pii_strip_event,
)

Event = dict[str, Any]


def normalized(event: Event, *, trims: bool = False) -> Event:
    """The event as a server stores it; with `trims`, cut to the sizes it keeps."""
    normalizer = StoreNormalizer(
        remove_other=True,
        project_id=1,
        key_id="1",
        protocol_version="7",
        enable_trimming=trims,
    )
    return normalizer.normalize_event(event)


def notes(meta: Any) -> Iterator[dict[str, Any]]:
    """What a `_meta` says, place after place."""
    if isinstance(meta, dict):
        for key, value in meta.items():
            if key == "" and isinstance(value, dict):
                yield value
            else:
                yield from notes(value)


def remarks(event: Event) -> Counter[str]:
    """How often each rule is named in the event's `_meta`."""
    return Counter(
        remark[0] for note in notes(event.get("_meta")) for remark in note.get("rem", [])
    )


def complaints(event: Event, *, trims: bool = False) -> list[str]:
    """What a server finds wrong with an event, or changes in it beyond what its `_meta` says."""
    stored = normalized(event, trims=trims)
    found = [f"error: {error}" for error in stored.get("errors") or []]
    found += [
        f"note: {note}"
        for note in notes(stored.get("_meta"))
        if note.get("err") or note.get("val")
    ]
    more = remarks(stored) - remarks(event)
    found += [f"changed {count} times by {rule}" for rule, count in more.items()]
    return found


def leaks(event: Event) -> list[str]:
    """Where the scrubbing that servers do by default still finds something in an event.

    A server takes away the whole of a text in which a word like `auth` stands; where its value was
    taken away already, that is no leak.
    """
    config = convert_datascrubbing_config(
        {
            "scrubData": True,
            "scrubDefaults": True,
            "scrubIpAddresses": False,
            "sensitiveFields": [],
            "excludeFields": [],
        }
    )
    # Scrubbing reads an event into the same form as validation, which is not what is asked for.
    stored = normalized(event)
    return [
        f"{path}: {before!r} becomes {after!r}"
        for path, before, after in differences(stored, pii_strip_event(config, stored))
        if "[Filtered]" not in str(before)
    ]


def differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two events differ, but for their `_meta`."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() - {"_meta"}:
            yield from differences(before[key], after.get(key), f"{path}/{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after)):
            yield from differences(old, new, f"{path}/{index}")
    elif before != after and str(before) != str(after):
        yield path, before, after

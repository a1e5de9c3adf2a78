"""Secrets: read once, cached, refreshed behind, and shown to nobody who did not ask.

    import tallylight

    key = tallylight.get_secret("cineview-gemini-api")
    headers = {"Authorization": f"Bearer {key.reveal()}"}

A value that is at hand is answered at once; a missing one is waited for, by a thread or a task, at
most for the deadline. Spans of time are milliseconds. Every function is also a method of what
``init()`` returns, and in ``tallylight`` itself.
"""

from __future__ import annotations

from ._accessors import DefinedSecrets, SecretAccessor, define_secrets, secret_overrides
from ._changes import SecretChanges, on_secret_change
from ._native import Secret, SecretChange, Tallylight, default
from ._reading import (
    SecretPair,
    both,
    both_async,
    get_secret_async,
    prefetch_secrets,
    prefetch_secrets_async,
    refresh_secret,
    refresh_secret_async,
)
from ._refused import with_secret

get_secret = default.get_secret
get_secret_sync = default.get_secret_sync
peek = default.peek
set_secret_override = default.set_secret_override
clear_secret_override = default.clear_secret_override
declared_secrets = default.declared_secrets
scrub = default.scrub

__all__ = [
    "DefinedSecrets",
    "Secret",
    "SecretAccessor",
    "SecretChange",
    "SecretChanges",
    "SecretPair",
    "both",
    "both_async",
    "clear_secret_override",
    "declared_secrets",
    "define_secrets",
    "get_secret",
    "get_secret_async",
    "get_secret_sync",
    "on_secret_change",
    "peek",
    "prefetch_secrets",
    "prefetch_secrets_async",
    "refresh_secret",
    "refresh_secret_async",
    "scrub",
    "secret_overrides",
    "set_secret_override",
    "with_secret",
]

for _function in (
    get_secret_async,
    refresh_secret,
    refresh_secret_async,
    both,
    both_async,
    prefetch_secrets,
    prefetch_secrets_async,
    with_secret,
    on_secret_change,
    define_secrets,
):
    setattr(Tallylight, _function.__name__, staticmethod(_function))
Tallylight.secret_overrides = secret_overrides
del _function

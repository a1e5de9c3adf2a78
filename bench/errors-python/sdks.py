"""The SDKs that are compared, as their documentation shows them: each a way to capture an error, to flush and to close."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass
class Sdk:
    capture: Callable[[BaseException], Any]
    breadcrumb: Callable[[str], Any]
    #: Take milliseconds, and answer in a word or two what they were told.
    flush: Callable[[float], str]
    close: Callable[[float], str]


def opened(who: str, dsn: str) -> Sdk:
    """Loads what it takes: nothing of it is imported before."""
    if who == "tallylight":
        import tallylight

        tallylight.init(errors={"dsn": dsn})

        def said(delivery: Any) -> str:
            return f"sent {delivery['sent']}, dropped {delivery['dropped']}, pending {delivery['pending']}"

        return Sdk(
            tallylight.capture_exception,
            lambda message: tallylight.add_breadcrumb({"category": "work", "message": message}),
            lambda ms: said(tallylight.flush(timeout_ms=ms)),
            lambda ms: said(tallylight.close(timeout_ms=ms)),
        )
    if who == "sentry":
        import sentry_sdk

        sentry_sdk.init(dsn)

        def close(ms: float) -> str:
            return str(sentry_sdk.get_client().close(timeout=ms / 1000))

        return Sdk(
            sentry_sdk.capture_exception,
            lambda message: sentry_sdk.add_breadcrumb(category="work", message=message),
            lambda ms: str(sentry_sdk.flush(timeout=ms / 1000)),
            close,
        )
    raise SystemExit(f"nobody is called {who}")

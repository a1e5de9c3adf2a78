"""Authentication failures: a signal of their own."""

from __future__ import annotations

from . import _native
from ._capture import capture_event
from ._capture_submit import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def authentication_failed(reason: str, *, user: Mapping[str, Any] | None = None) -> None:
    """Counts an authentication failure, in the counter ``authentication.failures`` by ``reason`` (one
    of few: ``bad_password``, ``expired_token``), and reports it: the first of a reason at once, further
    ones within a minute as one event that has their number. ``user`` says who it was, or said to be.
    Never raises.
    """
    try:
        event = _native._authentication_failed(str(reason))
        if event is not None:
            if user is not None:
                event["user"] = dict(user)
            capture_event(event)
    except Exception as error:
        report(error, authentication_failed)

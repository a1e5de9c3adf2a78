"""Where everything is that was captured, and waiting until it is delivered."""

from __future__ import annotations

from . import _native
from ._capture_settings import learn, settings
from ._reading import awaited

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .events import Delivery


def _limit(timeout_ms: float | None) -> float:
    if not settings.is_read:
        learn()
    return settings.shutdown_timeout if timeout_ms is None else timeout_ms


def flush(timeout_ms: float | None = None) -> Delivery:
    """Tries to deliver all that waits, for ``timeout_ms`` at most (the ``shutdown_timeout`` unless
    told), and answers where everything is that was captured.

    Nothing is lost when time runs out: what waits is in the spool.
    """
    return _native._flush(_limit(timeout_ms), False).result()


async def flush_async(timeout_ms: float | None = None) -> Delivery:
    """As ``flush``, without holding up the loop."""
    return await awaited(_native._flush(_limit(timeout_ms), False))


def close(timeout_ms: float | None = None) -> Delivery:
    """As ``flush``, and takes nothing more until the next ``init``."""
    return _native._flush(_limit(timeout_ms), True).result()


async def close_async(timeout_ms: float | None = None) -> Delivery:
    """As ``close``, without holding up the loop."""
    return await awaited(_native._flush(_limit(timeout_ms), True))


def delivery() -> Delivery:
    """Where everything is that was captured, now."""
    return _native._delivery()

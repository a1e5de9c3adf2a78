"""The caches that are compared, as their documentation shows them: each a way to read a secret with a time to live."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass
class Cache:
    #: The value of a secret.
    read: Callable[[str], str]
    #: What an error of this cache is called.
    error: Callable[[Exception], str]
    #: What the loops of the hits call.
    api: Any


def opened(who: str, ttl_ms: int) -> Cache:
    """Loads what it takes: nothing of it is imported before."""
    if who == "tallylight":
        import tallylight

        tallylight.init(secrets={"ttl": ttl_ms})
        return Cache(
            lambda name: tallylight.get_secret(name).reveal(),
            lambda error: getattr(error, "code", type(error).__name__),
            tallylight,
        )
    if who == "caching":
        from aws_secretsmanager_caching import SecretCache, SecretCacheConfig

        cache = SecretCache(SecretCacheConfig(secret_refresh_interval=ttl_ms // 1000))
        return Cache(cache.get_secret_string, _code, cache)
    if who == "powertools":
        from aws_lambda_powertools.utilities import parameters

        seconds = ttl_ms // 1000
        return Cache(
            lambda name: parameters.get_secret(name, max_age=seconds), _code, parameters
        )
    raise SystemExit(f"nobody is called {who}")


def _code(error: Exception) -> str:
    """AWS's word for the error that started it, if it has one."""
    inner: BaseException = error
    while (before := inner.__cause__ or inner.__context__) is not None:
        inner = before
    response = getattr(inner, "response", None) or getattr(error, "response", None)
    return str(response["Error"]["Code"]) if response else type(error).__name__

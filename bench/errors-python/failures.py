"""The errors that are captured: each with a cause of its own, raised ten calls deep."""

from __future__ import annotations

from collections.abc import Callable

DEPTH = 10


class OrderError(Exception):
    pass


def _raised(depth: int, make: Callable[[], BaseException], cause: BaseException) -> None:
    if depth > 1:
        _raised(depth - 1, make, cause)
    else:
        raise make() from cause


def _caught(make: Callable[[], BaseException], cause: BaseException) -> BaseException:
    try:
        _raised(DEPTH, make, cause)
    except OrderError as error:
        return error
    raise AssertionError("nothing was raised")


def distinct(n: int) -> BaseException:
    """Error number ``n``, different from every other."""
    return _caught(lambda: OrderError(f"order {n} was not placed"), ConnectionError(f"connection {n} was reset"))


def related() -> list[BaseException]:
    """Three different errors with one root cause."""
    cause = ConnectionError("the database is down")
    messages = ["an order was not placed", "a cart was not saved", "a user was not found"]
    return [_caught(lambda message=message: OrderError(message), cause) for message in messages]

"""Which sort of function one is: plain, a coroutine, a generator.

For whoever wraps functions, here; its import loads nothing further.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# As in `inspect`, whose import costs more than that of this whole package.
_GENERATOR = 0x20
_COROUTINE = 0x80
_ITERABLE_COROUTINE = 0x100
_ASYNC_GENERATOR = 0x200


def _flags(function: Any) -> int:
    """The flags of the code that a call runs, 0 where it is not Python's."""
    from functools import partial

    while isinstance(function, partial):
        function = function.func
    for runs in (getattr(function, "__func__", function), type(function).__call__):
        code = getattr(runs, "__code__", None)
        if code is not None:
            return int(code.co_flags)
    return 0

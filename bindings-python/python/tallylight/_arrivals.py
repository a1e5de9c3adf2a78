"""How a task waits for what comes on another thread; loaded by the first one that does."""

from __future__ import annotations

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from typing import Protocol

    class _Announces(Protocol):
        def notify(self, mailbox: _native._Mailbox, ticket: int, /) -> None: ...


class _Arrivals:
    """Wakes tasks of one running loop when something comes on another thread."""

    # Only while a task of a loop waits is the loop in here.
    of_loops: dict[AbstractEventLoop, _Arrivals] = {}

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.loop = loop
        self.mailbox = _native._Mailbox()
        self.waiting: dict[int, Future[None]] = {}
        self.next_ticket = 0

    @classmethod
    def of(cls, loop: AbstractEventLoop) -> _Arrivals:
        found = cls.of_loops.get(loop)
        if found is None:
            for other in [known for known in list(cls.of_loops) if known.is_closed()]:
                cls.of_loops.pop(other, None)
            found = cls(loop)
            loop.add_reader(found.mailbox.fileno(), found.deliver)
            cls.of_loops[loop] = found
        return found

    async def wait(self, announces: _Announces) -> None:
        ticket = self.next_ticket
        self.next_ticket += 1
        future = self.waiting[ticket] = self.loop.create_future()
        try:
            announces.notify(self.mailbox, ticket)
            await future
        finally:
            del self.waiting[ticket]
            if not self.waiting and self.of_loops.get(self.loop) is self:
                del self.of_loops[self.loop]
                if not self.loop.is_closed():
                    self.loop.remove_reader(self.mailbox.fileno())

    def deliver(self) -> None:
        for ticket in self.mailbox.take():
            future = self.waiting.get(ticket)
            if future is not None and not future.done():
                future.set_result(None)


async def arrival(announces: _Announces) -> None:
    """Waits for the announcement."""
    # Loaded already: a loop of it is running.
    from asyncio import get_running_loop

    await _Arrivals.of(get_running_loop()).wait(announces)

"""Scopes: what an event says beyond the error itself, kept apart by request and task.

Called by the capture of events, by spans, and by whoever sets a tag. There are three layers, and an
event takes them in this order: the *global* scope of the process; the *isolation* scope of one
request or task, which ``set_user`` and the like write to; and the *current* scope, which lives for a
``with_scope`` block and carries the active span.

The invariant: a task or thread never writes into a scope that others read, unless
``with_isolation_scope`` was entered around them all on purpose. So whoever writes first asks
:func:`isolation_scope`, which gives a task (asyncio's, trio's) or a thread that has none a copy of
its own. Reading copies nothing.
"""

from __future__ import annotations

import sys
from _contextvars import ContextVar
from _thread import _local, get_ident
from _weakref import ref

from ._plain import crumb, is_a, plain, plain_dict, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from contextvars import Token
    from types import TracebackType
    from typing import Any, Literal, Protocol, TypeVar, overload

    from .events import Attachment, Breadcrumb, Level

    _T = TypeVar("_T")

    class _TraceSource(Protocol):
        """What an event takes its trace from: a span, or what a request said of its trace."""

        def trace_context(self) -> dict[str, Any]:
            """The event's ``contexts.trace``: ``trace_id``, ``span_id`` and what else is known."""

        def trace_header(self) -> str | None:
            """The envelope's ``trace`` header (the dynamic sampling context) as JSON."""

        def transaction_name(self) -> str | None:
            """The name of the transaction."""

else:

    def overload(function):
        return None


#: What no scope's owner equals: a caller that nothing identifies, and so shares with nobody.
_NOBODY = object()


class Scope:
    """What is added to the events that are captured while it is active.

    ``with_scope()`` and ``with_isolation_scope()`` give one; its methods never raise.
    """

    __slots__ = (
        "_attachments",
        "_breadcrumbs",
        "_contexts",
        "_extra",
        "_fingerprint",
        "_level",
        "_owner",
        "_tags",
        "_user",
        "request",
        "span",
        "trace",
    )

    #: Breadcrumbs that a scope keeps; of ``init(errors={"max_breadcrumbs": ...})``.
    max_breadcrumbs = 100

    def __init__(self) -> None:
        self._owner: object = None
        #: The active span; whoever starts one sets it on a scope that :func:`enter_scope` made.
        self.span: _TraceSource | None = None
        #: What an incoming request said of its trace, for events and spans without a parent here.
        self.trace: _TraceSource | None = None
        #: Answers the request that is served, in Sentry's form; asked when an event is captured.
        self.request: Callable[[], Mapping[str, Any] | None] | None = None
        self._user: dict[str, Any] | None
        self._level: str | None
        self._fingerprint: list[str] | None
        self._attachments: tuple[Attachment, ...]
        self.clear()

    def _fork(self) -> Scope:
        scope = Scope.__new__(Scope)
        scope._tags = self._tags.copy()
        scope._extra = self._extra.copy()
        scope._contexts = self._contexts.copy()
        scope._user = self._user
        scope._level = self._level
        scope._fingerprint = self._fingerprint
        scope._breadcrumbs = self._breadcrumbs[:]
        scope._attachments = self._attachments
        scope._owner = None
        scope.span = self.span
        scope.trace = self.trace
        scope.request = self.request
        return scope

    def set_tag(self, key: str, value: str | float | None) -> Scope:
        """Sets a tag, by which events are searched; None takes it away."""
        if value is None:
            self._tags.pop(text(key), None)
        else:
            self._tags[text(key)] = text(value)
        return self

    def set_tags(self, tags: Mapping[str, str | float | None]) -> Scope:
        """Sets many tags."""
        for key, value in entries(tags):
            self.set_tag(key, value)
        return self

    def set_user(self, user: Mapping[str, object] | None) -> Scope:
        """Says who is concerned: ``id``, ``email``, ``username``, ``ip_address`` and more; None ends it."""
        self._user = None if user is None else plain_dict(user, "id")
        return self

    def set_context(self, name: str, context: Mapping[str, object] | None) -> Scope:
        """Sets a block of facts, shown under its name; None takes it away."""
        if context is None:
            self._contexts.pop(text(name), None)
        else:
            self._contexts[text(name)] = plain_dict(context)
        return self

    def set_extra(self, key: str, value: object) -> Scope:
        """Adds anything else; not searchable."""
        self._extra[text(key)] = plain(value)
        return self

    def set_level(self, level: Level | None) -> Scope:
        """Gives all events this level; None leaves them theirs."""
        self._level = None if level is None else text(level)
        return self

    def set_fingerprint(self, fingerprint: Sequence[str] | None) -> Scope:
        """Groups all events by this instead of by their stack; None ends it."""
        self._fingerprint = None if fingerprint is None else texts(fingerprint)
        return self

    def add_attachment(self, attachment: Attachment) -> Scope:
        """Adds a file to all events."""
        self._attachments = (*self._attachments, attachment)
        return self

    def add_breadcrumb(self, breadcrumb: Breadcrumb | str, /) -> Scope:
        """Notes what happened; the last ones are part of every event."""
        self._keep(crumb(breadcrumb))
        return self

    def _keep(self, made: dict[str, Any]) -> None:
        most, crumbs = self.max_breadcrumbs, self._breadcrumbs
        if most <= 0:
            return
        crumbs.append(made)
        # A list whose head goes now and then: it is copied in one step that no other thread and no
        # finalizer comes between, which a deque is not.
        if len(crumbs) >= 2 * most:
            del crumbs[:-most]

    def clear(self) -> Scope:
        """Takes away all that was set, and the breadcrumbs."""
        self._tags: dict[str, str] = {}
        self._extra: dict[str, Any] = {}
        self._contexts: dict[str, dict[str, Any]] = {}
        self._user = None
        self._level = None
        self._fingerprint = None
        self._breadcrumbs: list[dict[str, Any]] = []
        self._attachments = ()
        return self

    def __repr__(self) -> str:
        return f"<tallylight.Scope of {len(self._tags)} tags and {len(self._breadcrumbs)} breadcrumbs>"


def entries(given: Any) -> list[tuple[Any, Any]]:
    """The entries of a mapping; none of anything else, and of what cannot be read."""
    try:
        return list(given.items())
    except Exception:
        return []


def texts(given: Any) -> list[str]:
    """A list of text, whatever was given as one."""
    if is_a(given, str):
        return [given]
    try:
        return [text(part) for part in given]
    except Exception:
        return [text(given)]


global_scope = Scope()
_root = Scope()
_isolation: ContextVar[Scope | None] = ContextVar("tallylight_isolation_scope", default=None)
_current: ContextVar[Scope | None] = ContextVar("tallylight_current_scope", default=None)
#: Of each thread: a token that stands for it (its ident is used again after its end).
_thread = _local()


def _caller() -> object:
    """What tells this task or thread from all others, compared by identity.

    A weak reference of a task, since a scope lives in its task's own context; a reference is the
    same object as long as the task lives and no other task's ever.
    """
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and (running := getattr(asyncio, "_get_running_loop", None)):
        loop = running()
        if loop is not None:
            task = asyncio.current_task(loop)
            # A callback of a loop is nobody's: the next one in its context may be another's.
            return _NOBODY if task is None else ref(task)
    trio = sys.modules.get("trio")
    if trio is not None:
        try:
            return ref(trio.lowlevel.current_task())
        except (RuntimeError, AttributeError, TypeError):
            pass
    try:
        return _thread.token
    except AttributeError:
        _thread.token = token = object()
        return token


def _is_main() -> bool:
    threading = sys.modules.get("threading")
    if threading is None or not hasattr(threading, "main_thread"):
        return True
    return bool(threading.main_thread().ident == get_ident())


def _starters() -> tuple[Scope, Scope | None]:
    """What a thread starts from: the scopes of its starter, if they are known, else the process's."""
    threading = sys.modules.get("threading")
    if threading is not None:
        # Not `current_thread()`, which would make an object for a thread it does not know.
        thread = getattr(threading, "_active", {}).get(get_ident())
        scopes = getattr(thread, "_tallylight_scopes", None)
        if type(scopes) is tuple:
            return scopes
    return _root, None


def read_isolation_scope() -> Scope:
    """The isolation scope, to read."""
    return _isolation.get() or _starters()[0]


def isolation_scope() -> Scope:
    """The isolation scope, to write to: this task's or thread's own, or the one entered on purpose."""
    scope = _isolation.get()
    if scope is not None and scope._owner is None:
        return scope
    caller = _caller()
    if scope is None:
        if type(caller) is object and caller is not _NOBODY and _is_main():
            _root._owner = caller
            _isolation.set(_root)
            return _root
        scope = _starters()[0]
    elif scope._owner is caller:
        return scope
    scope = scope._fork()
    scope._owner = caller
    _isolation.set(scope)
    return scope


def read_current_scope() -> Scope | None:
    """The current scope, to read; None outside of every block."""
    return _current.get() or _starters()[1]


def current_scope() -> Scope:
    """The innermost scope, to write to. Its ``span`` is the active span.

    To make a span active use :func:`enter_scope`, never this scope's slot: tasks that were started
    from here read it too.
    """
    scope = _current.get()
    if scope is not None and scope._owner is None:
        return scope
    caller = _caller()
    if scope is not None and scope._owner is caller:
        return scope
    scope = _fork_current()
    scope._owner = caller
    _current.set(scope)
    return scope


class Entered:
    """Scopes that are active until ``leave``; entered and left in any order, by any task."""

    __slots__ = ("_scopes", "_tokens", "scope")

    def __init__(self, scope: Scope, *scopes: tuple[ContextVar[Scope | None], Scope]) -> None:
        #: The one that was asked for.
        self.scope = scope
        self._scopes = scopes
        self._tokens: list[Token[Scope | None]] = [variable.set(made) for variable, made in scopes]

    def again(self) -> Entered:
        """The same scopes, made active once more."""
        return Entered(self.scope, *self._scopes)

    def leave(self) -> None:
        """Makes active again what was before."""
        while self._tokens:
            token = self._tokens.pop()
            try:
                token.var.reset(token)
            except ValueError:
                # In another context, as a generator that is finalized is: nothing was entered here.
                pass


def enter_scope() -> Entered:
    """Makes a copy of the current scope the current one."""
    scope = _fork_current()
    return Entered(scope, (_current, scope))


def enter_isolation_scope() -> Entered:
    """Makes copies of both scopes the active ones; the one asked for is the isolation scope."""
    scope = read_isolation_scope()._fork()
    return Entered(scope, (_isolation, scope), (_current, _fork_current()))


def _fork_current() -> Scope:
    scope = read_current_scope()
    return Scope() if scope is None else scope._fork()


def carried() -> tuple[Scope, Scope | None]:
    """The scopes that a thread, or a job of a pool's thread, is to start from."""
    return read_isolation_scope(), read_current_scope()


def enter_carried(scopes: tuple[Scope, Scope | None]) -> Entered:
    """Makes the scopes of whoever wanted a job done active on the thread that does it. What the job
    sets is for its own events, unless both belong to a block that was entered on purpose."""
    isolation, current = scopes
    if isolation._owner is not None or isolation is _root:
        isolation = isolation._fork()
    return Entered(
        isolation, (_isolation, isolation), (_current, Scope() if current is None else current._fork())
    )


class ScopeBlock:
    """A ``with`` block, plain or asynchronous, in which a scope is active."""

    __slots__ = ("_enter", "_entered")

    def __init__(self, enter: Callable[[], Entered]) -> None:
        self._enter = enter
        self._entered: list[Entered] = []

    def __enter__(self) -> Scope:
        entered = self._enter()
        self._entered.append(entered)
        return entered.scope

    def __exit__(
        self,
        type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> Literal[False]:
        self._entered.pop().leave()
        return False

    async def __aenter__(self) -> Scope:
        return self.__enter__()

    async def __aexit__(
        self,
        type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> Literal[False]:
        return self.__exit__(type, value, traceback)


def _within(enter: Callable[[], Entered], function: Callable[[Scope], Any]) -> Any:
    entered = enter()
    try:
        answer = function(entered.scope)
    finally:
        entered.leave()
    if not hasattr(type(answer), "__await__"):
        return answer

    async def awaited() -> Any:
        inside = entered.again()
        try:
            return await answer
        finally:
            inside.leave()

    return awaited()


@overload
def with_scope(function: None = None, /) -> ScopeBlock: ...
@overload
def with_scope(function: Callable[[Scope], Awaitable[_T]], /) -> Awaitable[_T]: ...
@overload
def with_scope(function: Callable[[Scope], _T], /) -> _T: ...
def with_scope(function: Callable[[Scope], Any] | None = None, /) -> Any:
    """A block with a scope of its own: what is set on it holds for the events captured inside.

    with tallylight.with_scope() as scope:
        scope.set_tag("step", "resize").set_level("warning")
        tallylight.capture_exception(error)

    Given a function, it is called with the scope, and what it returns is returned.
    """
    return ScopeBlock(enter_scope) if function is None else _within(enter_scope, function)


@overload
def with_isolation_scope(function: None = None, /) -> ScopeBlock: ...
@overload
def with_isolation_scope(function: Callable[[Scope], Awaitable[_T]], /) -> Awaitable[_T]: ...
@overload
def with_isolation_scope(function: Callable[[Scope], _T], /) -> _T: ...
def with_isolation_scope(function: Callable[[Scope], Any] | None = None, /) -> Any:
    """A block that is a request or task of its own: what ``set_user``, ``set_tag`` and
    ``add_breadcrumb`` set inside, there or in tasks and threads it starts, is on no event outside.

    async def handle(job):
        with tallylight.with_isolation_scope():
            tallylight.set_tag("job", job.id)
            await work(job)

    Without a block a task or thread that sets something has a scope of its own from then on, which
    whoever started it does not see.
    """
    if function is None:
        return ScopeBlock(enter_isolation_scope)
    return _within(enter_isolation_scope, function)


def set_tag(key: str, value: str | float | None) -> None:
    """Sets a tag of this request or task, by which events are searched; None takes it away."""
    isolation_scope().set_tag(key, value)


def set_tags(tags: Mapping[str, str | float | None]) -> None:
    """Sets many tags of this request or task."""
    isolation_scope().set_tags(tags)


def set_user(user: Mapping[str, object] | None) -> None:
    """Says who is concerned: ``id``, ``email``, ``username``, ``ip_address`` and more; None ends it."""
    isolation_scope().set_user(user)


def set_context(name: str, context: Mapping[str, object] | None) -> None:
    """Sets a block of facts of this request or task, shown under its name; None takes it away."""
    isolation_scope().set_context(name, context)


def set_extra(key: str, value: object) -> None:
    """Adds anything else to the events of this request or task; not searchable."""
    isolation_scope().set_extra(key, value)


def set_level(level: Level | None) -> None:
    """Gives all events of this request or task this level; None leaves them theirs."""
    isolation_scope().set_level(level)


def set_fingerprint(fingerprint: Sequence[str] | None) -> None:
    """Groups the events of this request or task by this instead of by their stack; None ends it."""
    isolation_scope().set_fingerprint(fingerprint)


def clear_scope() -> None:
    """Takes away all that was set for this request or task, and its breadcrumbs."""
    isolation_scope().clear()

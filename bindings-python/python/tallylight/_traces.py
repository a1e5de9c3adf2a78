"""Traces: what connects the work that one request causes, in this process and in others.

A trace comes in by ``continue_trace``, with the headers of a request, and goes on by
``trace_headers``. Called by frameworks' adapters, by spans, and by whoever sends a request. Headers
come from strangers: what is malformed is ignored, and a new trace starts.
"""

from __future__ import annotations

from os import urandom

from . import _native
from ._capture_submit import report
from ._scopes import (
    Entered,
    Scope,
    ScopeBlock,
    _current,
    _within,
    enter_scope,
    global_scope,
    read_current_scope,
    read_isolation_scope,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Any, TypeVar, overload

    from ._scopes import _TraceSource

    _T = TypeVar("_T")

else:

    def overload(function):
        return None


class LocalTrace:
    """A trace in this process, as what goes out of it needs it.

    What is told of it is frozen by the first telling, so that all services hear the same.
    """

    __slots__ = ("_dynamic", "_envelope", "parent_span_id", "rand", "rate", "sampled", "trace_id")

    def __init__(
        self,
        trace_id: str,
        parent_span_id: str | None,
        sampled: bool | None,
        rate: float | None,
        rand: float | None,
        dynamic: str | None,
    ) -> None:
        self.trace_id = trace_id
        #: The span of another process that caused this.
        self.parent_span_id = parent_span_id
        self.sampled = sampled
        self.rate = rate
        #: What all services of the trace compare their rate with.
        self.rand = rand
        self._dynamic = dynamic
        self._envelope: str | None = None

    @property
    def dynamic(self) -> str | None:
        """What is frozen so far."""
        return self._dynamic

    def name(self) -> str | None:
        """The transaction's name, if it is one of few."""
        return None

    def headers(self, span_id: str, existing: str | None) -> tuple[str, str, str]:
        """``sentry-trace``, ``traceparent`` and ``baggage`` of a request that a span causes."""
        sentry_trace, traceparent, baggage, self._dynamic, self._envelope = _native._trace_headers(
            self.trace_id,
            span_id,
            self.sampled,
            self.rate,
            self.rand,
            self.name(),
            self._dynamic,
            existing,
        )
        return sentry_trace, traceparent, baggage

    def envelope(self, span_id: str) -> str | None:
        """The ``trace`` header of an envelope."""
        if self._envelope is None:
            self.headers(span_id, None)
        return self._envelope


class ContinuedTrace(LocalTrace):
    """A trace that another process started, before a span of this one takes it up."""

    __slots__ = ("span_id",)

    def __init__(self, *facts: Any) -> None:
        super().__init__(*facts)
        #: What stands for this process until there is a span.
        self.span_id = urandom(8).hex()

    def trace_context(self) -> dict[str, Any]:
        """The event's ``contexts.trace``."""
        context = {"trace_id": self.trace_id, "span_id": self.span_id}
        if self.parent_span_id is not None:
            context["parent_span_id"] = self.parent_span_id
        return context

    def trace_header(self) -> str | None:
        """The envelope's ``trace`` header."""
        return self.envelope(self.span_id)

    def transaction_name(self) -> str | None:
        """None: there is no transaction."""
        return None


def current_trace() -> _TraceSource | None:
    """The active span, or what a request said of its trace."""
    scopes: tuple[Scope | None, ...] = (
        read_current_scope(),
        read_isolation_scope(),
        global_scope,
    )
    for slot in ("span", "trace"):
        for scope in scopes:
            source: _TraceSource | None = getattr(scope, slot, None)
            if source is not None:
                return source
    return None


def incoming(headers: Any) -> ContinuedTrace | None:
    """The trace that headers carry; None where they carry none."""
    sentry_trace, traceparent = _header(headers, "sentry-trace"), _header(headers, "traceparent")
    if sentry_trace is None and traceparent is None:
        return None
    facts = _native._trace_incoming(sentry_trace, _header(headers, "baggage"), traceparent)
    # Without a parent nothing usable came in.
    return None if facts[1] is None else ContinuedTrace(*facts)


def _header(headers: Any, name: str) -> str | None:
    """A header under its name as frameworks have it: plain, capitalised, of WSGI."""
    get = getattr(headers, "get", None)
    if get is None:
        return None
    for known in (name, name.title(), name.replace("-", "_"), f"HTTP_{name.replace('-', '_').upper()}"):
        value = get(known)
        if isinstance(value, bytes):
            value = value.decode("latin-1")
        if isinstance(value, str):
            return value
    return None


@overload
def continue_trace(headers: Mapping[str, Any], function: None = None, /) -> ScopeBlock: ...
@overload
def continue_trace(
    headers: Mapping[str, Any], function: Callable[[], Awaitable[_T]], /
) -> Awaitable[_T]: ...
@overload
def continue_trace(headers: Mapping[str, Any], function: Callable[[], _T], /) -> _T: ...
def continue_trace(
    headers: Mapping[str, Any], function: Callable[[], Any] | None = None, /
) -> Any:
    """A block that is part of the trace which these headers carry (``sentry-trace`` and ``baggage``,
    else ``traceparent``; a request's headers or a WSGI environment will do).

    with tallylight.continue_trace(request.headers):
        with tallylight.start_span("GET /users/{id}", kind="server"):
            ...

    A span that is started inside continues the trace; without one, events that are captured belong
    to it. Given a function, it is called, and what it returns is returned.
    """

    def enter() -> Entered:
        trace = None
        try:
            trace = incoming(headers)
        except Exception as error:
            report(error, continue_trace)
        if trace is None:
            return enter_scope()
        scope = (_current.get() or Scope())._fork()
        scope.span, scope.trace = None, trace
        return Entered(scope, (_current, scope))

    if function is None:
        return ScopeBlock(enter)
    call = function
    return _within(enter, lambda scope: call())


def trace_headers(*, baggage: str | None = None) -> dict[str, str]:
    """The headers to send with a request, so that the service that answers it continues this trace:
    ``sentry-trace``, ``traceparent`` and, where there is something to tell, ``baggage``.

    ``baggage`` is what the request carries already; it is kept. Never raises.
    """
    source = current_trace()
    trace, span_id = _local(source)
    try:
        sentry_trace, traceparent, merged = trace.headers(span_id, baggage)
    except Exception as error:
        report(error, trace_headers)
        sentry_trace = f"{trace.trace_id}-{span_id}"
        traceparent, merged = f"00-{sentry_trace}-00", baggage or ""
    headers = {"sentry-trace": sentry_trace, "traceparent": traceparent}
    if merged:
        headers["baggage"] = merged
    return headers


def _local(source: Any) -> tuple[LocalTrace, str]:
    if isinstance(source, ContinuedTrace):
        return source, source.span_id
    trace = getattr(source, "_trace", None)
    if isinstance(trace, LocalTrace):
        return trace, source.span_id
    # Nobody traces this: whoever answers may start from here.
    fresh = ContinuedTrace(urandom(16).hex(), None, None, None, None, None)
    return fresh, fresh.span_id

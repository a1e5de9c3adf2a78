"""Spans: named pieces of work, nested as the calls are.

The outermost span of a process is a *transaction*: it is sampled, captured with its spans when it
ends, and measured as the operation of the same name, whether or not it was in the sample. Invariants:
the active span follows tasks and threads (it lies on the current scope); a span ends once; nothing
here raises into the application or changes what its functions return.
"""

from __future__ import annotations

import types
from os import urandom
from time import perf_counter, time

from . import _native
from ._capture_submit import add_scopes, drop, report, submit
from ._capture_settings import learn, settings
from ._plain import plain, text
from ._scopes import (
    Entered,
    Scope,
    _current,
    entries,
    global_scope,
    read_current_scope,
    read_isolation_scope,
)
from ._function_kind import _ASYNC_GENERATOR, _COROUTINE, _GENERATOR, _ITERABLE_COROUTINE, _flags
from ._traces import ContinuedTrace, LocalTrace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Any, Literal, TypeVar

    from ._profile import RunningProfile
    from .documents import Kind

    _F = TypeVar("_F", bound=Callable[..., Any])

#: Spans that a transaction carries; further ones are counted.
_MAX_SPANS = 1_000

#: How a server fails; by the others it is the caller who did, which is no failure of the operation.
_FAILURES = frozenset(
    {
        "aborted",
        "data_loss",
        "deadline_exceeded",
        "internal_error",
        "unavailable",
        "unimplemented",
        "unknown_error",
    }
)

# Source: https://develop.sentry.dev/sdk/telemetry/traces/span-operations/
_KINDS = (
    (("http.server", "rpc.server", "grpc.server", "websocket.server"), "server"),
    (("gen_ai",), "model"),
    (("http.client", "rpc.client", "grpc.client", "db", "cache", "queue.publish"), "client"),
    (("queue", "job", "task", "cron"), "job"),
)


def _kind_of(op: str | None) -> Kind:
    for prefixes, kind in _KINDS:
        for prefix in prefixes:
            if op is not None and (op == prefix or op.startswith(prefix + ".")):
                return kind  # type: ignore[return-value]
    return "internal"


class Span:
    """A piece of work. ``start_span`` gives one; its methods never raise."""

    __slots__ = (
        "_data",
        "_ended",
        "_error_type",
        "_name",
        "_op",
        "_started",
        "_status",
        "_trace",
        "parent_span_id",
        "span_id",
    )

    def __init__(
        self,
        trace: Transaction,
        parent_span_id: str | None,
        name: object,
        op: str | None,
        attributes: Mapping[str, Any] | None,
    ) -> None:
        #: Its number: 16 hexadecimal digits.
        self.span_id = urandom(8).hex()
        self.parent_span_id = parent_span_id
        self._trace = trace
        self._name = text(name) or "<unnamed>"
        self._op = op
        self._status: str | None = None
        self._error_type: str | None = None
        self._ended: float | None = None
        self._data: dict[str, Any] = {}
        if attributes and trace.sampled:
            self.set_attributes(attributes)
        self._started = perf_counter()

    @property
    def trace_id(self) -> str:
        """The trace's number: 32 hexadecimal digits."""
        return self._trace.trace_id

    @property
    def is_recording(self) -> bool:
        """Whether the span is captured: it is in the sample, and has not ended."""
        return bool(self._trace.sampled) and self._ended is None

    def set_attribute(self, name: str, value: object) -> Span:
        """Adds an attribute; None takes it away."""
        if self.is_recording:
            if value is None:
                self._data.pop(text(name), None)
            else:
                self._data[text(name)] = plain(value)
        return self

    def set_attributes(self, attributes: Mapping[str, object]) -> Span:
        """Adds attributes."""
        for name, value in entries(attributes):
            self.set_attribute(name, value)
        return self

    def set_status(self, status: str) -> Span:
        """Says how it went, in Sentry's words: ``ok`` unless told, ``internal_error`` (or ``error``)
        where the block raised, ``cancelled``, ``not_found`` and so on."""
        if self._ended is None:
            self._status = "internal_error" if status == "error" else text(status)
        return self

    def fail(self, error: BaseException | type[BaseException] | str) -> Span:
        """Says that it failed by this exception, which may also be the name of a type."""
        if self._ended is None:
            self._status = "internal_error"
            self._error_type = _native._error_type(error) or "_OTHER"
            self.set_attribute("error.type", self._error_type)
        return self

    def update_name(self, name: str) -> Span:
        """Gives it another name: a route that is known only later, say."""
        if self._ended is None:
            self._name = text(name)
        return self

    def end(self) -> None:
        """Ends it. Only the first ``end`` counts."""
        if self._ended is None:
            self._ended = perf_counter()
            self._trace._take(self)

    def trace_context(self) -> dict[str, Any]:
        """The event's ``contexts.trace``."""
        context = {"trace_id": self._trace.trace_id, "span_id": self.span_id, "origin": "manual"}
        if self.parent_span_id is not None:
            context["parent_span_id"] = self.parent_span_id
        if self._op is not None:
            context["op"] = self._op
        if self._status is not None:
            context["status"] = self._status
        return context

    def trace_header(self) -> str | None:
        """The envelope's ``trace`` header."""
        return self._trace.envelope(self.span_id)

    def transaction_name(self) -> str | None:
        """The name of the transaction that it is in."""
        return self._trace.root._name

    def _left(self, error: BaseException | None) -> None:
        """Ends as a block does."""
        try:
            if error is not None:
                if _native._is_failure(error):
                    self.fail(error)
                elif self._status is None:
                    self._status = "cancelled"
        except Exception as fault:
            report(fault, start_span)
        self.end()

    def __repr__(self) -> str:
        return f"<tallylight.Span {self._name!r}>"


class Transaction(LocalTrace):
    """The spans of this process under one root, from the decision whether they are captured to the
    event that is."""

    __slots__ = (
        "_from",
        "_is_over",
        "_kind",
        "_labels",
        "_lost",
        "_measured",
        "_measures",
        "_open",
        "_profile",
        "_source",
        "_spans",
        "_wall",
        "root",
    )

    root: Span

    def __init__(self, *facts: Any, options: dict[str, Any], profiled: bool) -> None:
        super().__init__(*facts)
        self._wall = time()
        self._from = perf_counter()
        self._spans: list[dict[str, Any]] = []
        self._lost = 0
        self._open = 0
        self._is_over = False
        self._kind = options.get("kind")
        self._labels = options.get("labels")
        self._source = options.get("source") or "custom"
        self._measures = options.get("measured") is not False
        self._measured: list[tuple[int, float]] = []
        self._profile: RunningProfile | None = None
        if profiled:
            from ._profile import start

            self._profile = start()

    def name(self) -> str | None:
        # One that differs in each request tells the next service nothing.
        return None if self._source == "url" else self.root._name

    def child(self, parent: Span, options: dict[str, Any]) -> Span:
        """A span within this one."""
        self._open += 1
        return _span(self, parent.span_id, options)

    def measured(self, series: int | None, ms: float) -> None:
        """Notes what a span measured, to lead from there to this trace."""
        if series is not None and self.sampled and not self._is_over:
            self._measured.append((series, ms))

    def _take(self, span: Span) -> None:
        """Takes in a span that ended; with the root, all is over."""
        if span is self.root:
            self._finish(span)
            return
        self._open -= 1
        if not self.sampled or self._is_over:
            return
        if len(self._spans) < _MAX_SPANS:
            self._spans.append(self._json(span))
        else:
            self._lost += 1

    def _json(self, span: Span) -> dict[str, Any]:
        made = span.trace_context()
        made["description"] = span._name
        made["start_timestamp"] = self._at(span._started)
        made["timestamp"] = self._at(span._ended or perf_counter())
        made.setdefault("status", "ok")
        made["data"] = span._data
        return made

    def _at(self, reading: float) -> float:
        """Seconds since 1970, of a reading of the monotonic clock."""
        return round(self._wall + reading - self._from, 6)

    def _finish(self, root: Span) -> None:
        try:
            self._measure(root)
            self._is_over = True
            profile = None if self._profile is None else self._profile.stop()
            if self.sampled:
                self._capture(root, profile)
        except Exception as error:
            report(error, start_span)
        finally:
            self._is_over = True

    def _measure(self, root: Span) -> None:
        if not self._measures:
            return
        ms = ((root._ended or perf_counter()) - root._started) * 1e3
        error_type = root._error_type
        if error_type is None and root._status in _FAILURES:
            error_type = root._status
        kind = self._kind or _kind_of(root._op)
        self.measured(_native._measure(root._name, self._labels, kind, ms, error_type), ms)

    def _capture(self, root: Span, profile: Any) -> None:
        event_id = urandom(16).hex()
        context = root.trace_context()
        context.setdefault("status", "ok")
        context["data"] = root._data
        lost = self._lost + self._open
        if lost:
            context["data"] = {**root._data, "tallylight.dropped_spans": lost}
        event: dict[str, Any] = {
            "event_id": event_id,
            "type": "transaction",
            "transaction": root._name,
            "transaction_info": {"source": self._source},
            "platform": "python",
            "start_timestamp": self._at(root._started),
            "timestamp": self._at(root._ended or perf_counter()),
            "contexts": {"trace": context},
            "spans": self._spans,
        }
        try:
            attachments, _ = add_scopes(event, is_own=True)
            written = None if profile is None else profile(event_id, root._name, self.trace_id)
            outcome = submit(event, "transaction", {}, attachments, root.trace_header(), written)
        except Exception:
            drop("transaction", "internal_sdk_error")
            raise
        if self._measured and outcome in {"spooled", "queued"}:
            _native._exemplify(self.trace_id, event_id, self._measured)


def _span(trace: Transaction, parent_span_id: str | None, options: dict[str, Any]) -> Span:
    op = options.get("op")
    attributes = options.get("attributes")
    return Span(trace, parent_span_id, options["name"], op if isinstance(op, str) else None, attributes)


def active_span() -> Span | None:
    """The active span, if there is one."""
    scope = read_current_scope()
    span = None if scope is None else scope.span
    return span if isinstance(span, Span) else None


def open_span(options: dict[str, Any]) -> Span:
    """Starts a span that is not active yet."""
    parent = active_span()
    # What goes on after its transaction was captured begins another one of the same trace.
    if parent is not None and not parent._trace._is_over:
        return parent._trace.child(parent, options)
    return _transaction(options, parent)


def _transaction(options: dict[str, Any], after: Span | None) -> Span:
    trace_id, parent, sampled, rate, rand, dynamic = "", None, None, None, None, None
    profiled = False
    try:
        known: LocalTrace | None = after._trace if after is not None else _came_in()
        if known is None:
            trace_id, parent, sampled, rate, rand, dynamic = _native._trace_incoming(None, None, None)
        else:
            trace_id, sampled, rate, rand = known.trace_id, known.sampled, known.rate, known.rand
            dynamic = known.dynamic
            parent = known.parent_span_id if after is None else after.span_id
        if rand is None:
            rand = int.from_bytes(urandom(4), "little") / (1 << 32)
        asked = _asked(options, sampled, rate)
        sampled, rate, profiled = _native._trace_start(rand, sampled, rate, asked)
    except Exception as error:
        report(error, start_span)
        trace_id, sampled = trace_id or urandom(16).hex(), False
    trace = Transaction(
        trace_id, parent, sampled, rate, rand, dynamic, options=options, profiled=profiled
    )
    trace.root = _span(trace, parent, options)
    return trace.root


def _came_in() -> ContinuedTrace | None:
    current = read_current_scope()
    for scope in (current, read_isolation_scope(), global_scope):
        trace = None if scope is None else scope.trace
        if isinstance(trace, ContinuedTrace):
            return trace
    return None


def _asked(options: dict[str, Any], parent: bool | None, parent_rate: float | None) -> float | None:
    """What the application's own function says; None leaves it to the others."""
    if not settings.is_read:
        learn()
    sampler = settings.traces_sampler
    if sampler is None:
        return None
    context = {
        "name": options["name"],
        "op": options.get("op"),
        "attributes": options.get("attributes"),
        "kind": options.get("kind"),
        "parent_sampled": parent,
        "parent_sample_rate": parent_rate,
    }
    try:
        answer = sampler(context)
        return None if answer is None else float(answer)
    except Exception as error:
        report(error, sampler)
        return 0.0


def enter_span(span: Span) -> Entered:
    """Makes a span the active one."""
    scope = (_current.get() or Scope())._fork()
    scope.span = span
    return Entered(scope, (_current, scope))


class SpanBlock:
    """A ``with`` block, plain or asynchronous, that is a span; or a decorator, by which each call of a
    function is one."""

    __slots__ = ("_entered", "_options")

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._entered: list[tuple[Span, Entered | None]] = []

    def __enter__(self) -> Span:
        span = open_span(self._options)
        trace = span._trace
        # A part of what is not in the sample is nothing.
        is_needed = trace.sampled or span is trace.root
        self._entered.append((span, enter_span(span) if is_needed else None))
        return span

    def __exit__(
        self,
        type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> Literal[False]:
        span, entered = self._entered.pop()
        if entered is not None:
            span._left(value)
            entered.leave()
        return False

    async def __aenter__(self) -> Span:
        return self.__enter__()

    async def __aexit__(
        self,
        type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> Literal[False]:
        return self.__exit__(type, value, traceback)

    def __call__(self, function: _F) -> _F:
        if isinstance(function, (classmethod, staticmethod)):
            return type(function)(self(function.__func__))
        if isinstance(function, type) or not callable(function):
            raise TypeError(
                f"@start_span(...) traces a function or a method, not {function!r}; "
                "for anything else use `with start_span(...):`"
            )
        wrapper = _wrapped(self._options, function)
        import functools

        return functools.update_wrapper(wrapper, function)  # type: ignore[return-value]


def _wrapped(options: dict[str, Any], function: Callable[..., Any]) -> Callable[..., Any]:
    flags = _flags(function)
    if flags & _ITERABLE_COROUTINE:
        return types.coroutine(_generator(options, function))
    if flags & _COROUTINE:

        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            with SpanBlock(options):
                return await function(*args, **kwargs)

        return coroutine
    if flags & _GENERATOR:
        return _generator(options, function)
    if flags & _ASYNC_GENERATOR:
        return _async_generator(options, function)

    def plain_function(*args: Any, **kwargs: Any) -> Any:
        with SpanBlock(options):
            return function(*args, **kwargs)

    return plain_function


def _generator(options: dict[str, Any], function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        # Active only while the generator runs: what its reader does in between is not part of it.
        span = open_span(options)
        inner = function(*args, **kwargs)
        step, value = inner.send, None
        try:
            while True:
                entered = enter_span(span)
                try:
                    out = step(value)
                except StopIteration as end:
                    span._left(None)
                    return end.value
                finally:
                    entered.leave()
                try:
                    step, value = inner.send, (yield out)
                except GeneratorExit:
                    inner.close()
                    raise
                except BaseException as error:
                    step, value = inner.throw, error
        except BaseException as error:
            span._left(error)
            raise

    return wrapper


def _async_generator(options: dict[str, Any], function: Callable[..., Any]) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        span = open_span(options)
        inner = function(*args, **kwargs)
        step, value = inner.asend, None
        try:
            while True:
                entered = enter_span(span)
                try:
                    out = await step(value)
                except StopAsyncIteration:
                    span._left(None)
                    return
                finally:
                    entered.leave()
                try:
                    step, value = inner.asend, (yield out)
                except GeneratorExit:
                    await inner.aclose()
                    raise
                except BaseException as error:
                    step, value = inner.athrow, error
        except BaseException as error:
            span._left(error)
            raise

    return wrapper


def start_span(
    name: str,
    *,
    op: str | None = None,
    attributes: Mapping[str, Any] | None = None,
    kind: Kind | None = None,
    labels: Mapping[str, str | float] | None = None,
    source: str | None = None,
    measured: bool = True,
) -> SpanBlock:
    """A block that is a span, and a decorator that makes each call of a function one.

    with tallylight.start_span("POST /analyze", op="http.server"):
        ...

    @tallylight.start_span("render", op="function")
    async def render(page): ...

    Without a span around it, it is a transaction, and measured as the operation ``name`` of this
    ``kind`` (told by ``op`` where it can be) and with these ``labels``, unless ``measured`` is False.
    ``source`` says what the name is made of: ``custom``, ``route``, ``task``, or ``url`` where it
    differs in each request.
    """
    return SpanBlock(_options(name, op, attributes, kind, labels, source, measured))


def start_inactive_span(
    name: str,
    *,
    op: str | None = None,
    attributes: Mapping[str, Any] | None = None,
    kind: Kind | None = None,
    labels: Mapping[str, str | float] | None = None,
    source: str | None = None,
    measured: bool = True,
) -> Span:
    """Starts a span that is not active: spans that are started later are not in it. It lasts until
    its ``end`` is called."""
    return open_span(_options(name, op, attributes, kind, labels, source, measured))


def _options(
    name: str,
    op: str | None,
    attributes: Mapping[str, Any] | None,
    kind: Kind | None,
    labels: Mapping[str, str | float] | None,
    source: str | None,
    measured: bool,
) -> dict[str, Any]:
    return {
        "name": name,
        "op": op,
        "attributes": attributes,
        "kind": kind,
        "labels": labels,
        "source": source,
        "measured": measured,
    }

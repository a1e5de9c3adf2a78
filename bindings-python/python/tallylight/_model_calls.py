"""Calls of AI models: one call gives the duration, the failures by type, the tokens and the time to
the first chunk as metrics, and a span in the trace.

The names are OpenTelemetry's for generative AI; the core has them in one place. Prompts and answers
are not captured unless ``capture_prompts`` is on. Invariant: each call ends in exactly one record, a
stream's when it is exhausted, fails or is left.
"""

from __future__ import annotations

from time import perf_counter

from . import _native
from ._capture_submit import report
from ._capture_settings import learn, settings
from ._spans import enter_span, open_span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator, Iterable, Mapping
    from types import TracebackType
    from typing import Any, Literal, TypeVar, overload

    from ._scopes import Entered
    from ._spans import Span

    _T = TypeVar("_T")

else:

    def overload(function):
        return None


class _Names:
    known: dict[str, str] = {}


def _names() -> dict[str, str]:
    if not _Names.known:
        _Names.known = _native._gen_ai_names()
    return _Names.known


class ModelCall:
    """A call under way. ``track_model_call`` gives one; its methods never raise."""

    __slots__ = (
        "_first_chunk",
        "_input_tokens",
        "_is_failure",
        "_is_over",
        "_options",
        "_output_tokens",
        "_span",
        "_started",
        "_streams",
    )

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._is_failure: Callable[[BaseException], bool] | None = options["is_failure"]
        self._input_tokens: int | None = None
        self._output_tokens: int | None = None
        self._first_chunk: float | None = None
        self._is_over = False
        #: Streams that are not read to their end.
        self._streams = 0
        self._span = _opened_span(options)
        self._started = perf_counter()

    def tokens(self, input: int | None = None, output: int | None = None, /) -> ModelCall:
        """Tells the tokens that are billed. The last telling counts."""
        if _is_count(input):
            self._input_tokens = input
        if _is_count(output):
            self._output_tokens = output
        return self

    def chunk(self) -> ModelCall:
        """Tells that a chunk came; needed only where :meth:`stream` does not watch."""
        if self._first_chunk is None:
            self._first_chunk = (perf_counter() - self._started) * 1e3
        return self

    def response_model(self, model: str, /) -> ModelCall:
        """Tells which model answered, where it is not the one that was asked for."""
        if self._span is not None:
            self._span.set_attribute(_names()["responseModel"], model)
        return self

    def prompt(self, messages: object, /) -> ModelCall:
        """Tells the prompt; kept only where ``capture_prompts`` is on."""
        return self._content("inputMessages", messages)

    def answer(self, messages: object, /) -> ModelCall:
        """Tells the answer; kept only where ``capture_prompts`` is on."""
        return self._content("outputMessages", messages)

    def _content(self, name: str, messages: object) -> ModelCall:
        try:
            if not settings.is_read:
                learn()
            if settings.capture_prompts and self._span is not None and self._span.is_recording:
                said = messages if isinstance(messages, str) else _native._json(messages)
                self._span.set_attribute(_names()[name], said)
        except Exception as error:
            report(error, track_model_call)
        return self

    @overload
    def stream(self, chunks: AsyncIterable[_T], /) -> AsyncGenerator[_T, None]: ...
    @overload
    def stream(self, chunks: Iterable[_T], /) -> Generator[_T, None, None]: ...
    def stream(self, chunks: Any, /) -> Any:
        """The same stream, watched: its first chunk is timed, and the call lasts until it ends."""
        self._streams += 1
        return _watch_async(self, chunks) if hasattr(chunks, "__aiter__") else _watch(self, chunks)

    def _stream_ended(self, error: BaseException | None) -> None:
        self._streams -= 1
        self._end(error)

    def _left(self, error: BaseException | None) -> None:
        """The function or block is over; a stream that it leaves open goes on."""
        if error is not None or self._streams <= 0:
            self._end(error)

    def _end(self, error: BaseException | None) -> None:
        if self._is_over:
            return
        self._is_over = True
        try:
            self._record(error)
        except Exception as fault:
            report(fault, track_model_call)
        finally:
            if self._span is not None:
                self._span.end()

    def _record(self, error: BaseException | None) -> None:
        ms = (perf_counter() - self._started) * 1e3
        error_type = None
        if error is not None:
            error_type = self._failure(error)
        options, span = self._options, self._span
        series = _native._record_model_call(
            options["provider"],
            options["model"],
            options["operation"],
            ms,
            error_type,
            self._input_tokens,
            self._output_tokens,
            self._first_chunk,
        )
        if span is None:
            return
        span._trace.measured(series, ms)
        if error_type is not None and error is not None:
            span.fail(error)
        elif error is not None:
            span.set_status("cancelled")
        if span.is_recording:
            self._describe(span)

    def _failure(self, error: BaseException) -> str | None:
        """The type of a failure; None where the error is none."""
        if not _native._is_failure(error):
            return None
        judge = self._is_failure
        try:
            if judge is not None and not judge(error):
                return None
        except Exception as fault:
            report(fault, judge)
        return _native._error_type(error)

    def _describe(self, span: Span) -> None:
        names = _names()
        given, made = self._input_tokens, self._output_tokens
        if given is not None:
            span.set_attribute(names["inputTokens"], given)
        if made is not None:
            span.set_attribute(names["outputTokens"], made)
        if given is not None and made is not None:
            span.set_attribute(names["totalTokens"], given + made)
        if self._first_chunk is not None:
            span.set_attribute(names["responseStreaming"], True)
            span.set_attribute(names["responseTimeToFirstChunk"], round(self._first_chunk / 1e3, 6))

    def _enter(self) -> Entered | None:
        return None if self._span is None else enter_span(self._span)


def _is_count(tokens: object) -> bool:
    return isinstance(tokens, int) and not isinstance(tokens, bool) and 0 <= tokens < 1 << 63


def _opened_span(options: dict[str, Any]) -> Span | None:
    try:
        names = _names()
        operation, model = options["operation"], options["model"]
        attributes = dict(options["attributes"] or {})
        attributes[names["operationName"]] = operation
        attributes[names["providerName"]] = options["provider"]
        attributes[names["requestModel"]] = model
        for name in ("analysis_id", "input_size"):
            if options[name] is not None:
                attributes[names["analysisId" if name == "analysis_id" else "inputSize"]] = options[name]
        return open_span(
            {
                "name": f"{operation} {model}",
                "op": names["spanOpPrefix"] + operation,
                "attributes": attributes,
                # It is measured under the conventions' own name.
                "measured": False,
            }
        )
    except Exception as error:
        report(error, track_model_call)
        return None


def _watch(call: ModelCall, chunks: Iterable[Any]) -> Generator[Any, None, None]:
    try:
        iterator = iter(chunks)
        while True:
            entered = call._enter()
            try:
                chunk = next(iterator)
            except StopIteration:
                break
            finally:
                if entered is not None:
                    entered.leave()
            call.chunk()
            yield chunk
    except BaseException as error:
        _close(chunks)
        call._stream_ended(error)
        raise
    call._stream_ended(None)


def _close(chunks: Any) -> None:
    close = getattr(chunks, "close", None)
    if close is not None:
        close()


async def _watch_async(call: ModelCall, chunks: AsyncIterable[Any]) -> AsyncGenerator[Any, None]:
    try:
        iterator = chunks.__aiter__()
        while True:
            entered = call._enter()
            try:
                chunk = await iterator.__anext__()
            except StopAsyncIteration:
                break
            finally:
                if entered is not None:
                    entered.leave()
            call.chunk()
            yield chunk
    except BaseException as error:
        close = getattr(chunks, "aclose", None)
        try:
            if close is not None:
                await close()
        finally:
            call._stream_ended(error)
        raise
    call._stream_ended(None)


class ModelCallBlock:
    """A ``with`` block, plain or asynchronous, that is a call of a model."""

    __slots__ = ("_entered", "_options")

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._entered: list[tuple[ModelCall, Entered | None]] = []

    def __enter__(self) -> ModelCall:
        call = ModelCall(self._options)
        self._entered.append((call, call._enter()))
        return call

    def __exit__(
        self,
        type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> Literal[False]:
        call, entered = self._entered.pop()
        if entered is not None:
            entered.leave()
        call._left(value)
        return False

    async def __aenter__(self) -> ModelCall:
        return self.__enter__()

    async def __aexit__(
        self,
        type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> Literal[False]:
        return self.__exit__(type, value, traceback)


@overload
def track_model_call(
    function: None = None,
    /,
    *,
    provider: str,
    model: str,
    operation: str = "chat",
    analysis_id: str | None = None,
    input_size: float | None = None,
    attributes: Mapping[str, Any] | None = None,
    is_failure: Callable[[BaseException], bool] | None = None,
) -> ModelCallBlock: ...
@overload
def track_model_call(
    function: Callable[[ModelCall], _T],
    /,
    *,
    provider: str,
    model: str,
    operation: str = "chat",
    analysis_id: str | None = None,
    input_size: float | None = None,
    attributes: Mapping[str, Any] | None = None,
    is_failure: Callable[[BaseException], bool] | None = None,
) -> _T: ...
def track_model_call(
    function: Callable[[ModelCall], Any] | None = None,
    /,
    *,
    provider: str,
    model: str,
    operation: str = "chat",
    analysis_id: str | None = None,
    input_size: float | None = None,
    attributes: Mapping[str, Any] | None = None,
    is_failure: Callable[[BaseException], bool] | None = None,
) -> Any:
    """A block that is a call of a model:

    with tallylight.track_model_call(provider="gcp.gemini", model=model, analysis_id=id) as call:
        answer = client.generate(prompt)
        call.tokens(answer.input_tokens, answer.output_tokens)

    or, given a function, a call of it with the :class:`ModelCall`; what it returns is returned. The
    call of a coroutine function lasts until it is awaited, that of one which returns a generator,
    plain or asynchronous, until that is exhausted or left; its first chunk is timed. In a block,
    ``call.stream(chunks)`` does the same.

    ``analysis_id`` and ``input_size`` say what the call is part of and how large what is sent is; they
    are on the span. ``is_failure`` answers whether an exception is a failure of the call.
    """
    options = {
        "provider": str(provider),
        "model": str(model),
        "operation": str(operation) or "chat",
        "analysis_id": analysis_id,
        "input_size": input_size,
        "attributes": attributes,
        "is_failure": is_failure,
    }
    if function is None:
        return ModelCallBlock(options)
    call = ModelCall(options)
    entered = call._enter()
    try:
        answer = function(call)
    except BaseException as error:
        call._left(error)
        raise
    finally:
        if entered is not None:
            entered.leave()
    if hasattr(type(answer), "__await__"):
        return _awaited(call, answer)
    return _answered(call, answer)


def _answered(call: ModelCall, answer: Any) -> Any:
    kind = type(answer)
    is_stream = hasattr(kind, "__anext__") or hasattr(kind, "__next__")
    if is_stream:
        return call.stream(answer)
    call._left(None)
    return answer


async def _awaited(call: ModelCall, answer: Any) -> Any:
    entered = call._enter()
    try:
        result = await answer
    except BaseException as error:
        call._left(error)
        raise
    finally:
        if entered is not None:
            entered.leave()
    return _answered(call, result)

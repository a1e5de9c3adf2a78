"""The types of errors: Sentry's event, complete, and what goes in and out beside it.

``before_send`` is given an :class:`Event` and ``capture_event`` takes one; fields that are not named
here are kept as well. Source: https://develop.sentry.dev/sdk/data-model/event-payloads/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from re import Pattern
from typing import Any, Literal, TypedDict

from .documents import Delivery

__all__ = [
    "Attachment",
    "Breadcrumb",
    "Breadcrumbs",
    "Delivery",
    "ErrorsSettings",
    "Event",
    "ExceptionValue",
    "Frame",
    "Hint",
    "InitialScope",
    "Level",
    "Mechanism",
]

# Two of them, as stubtest takes a single one for no union.
Level = Literal["fatal", "error", "warning"] | Literal["info", "debug"]
"""How bad it is."""


class _NamedFile(TypedDict):
    filename: str
    data: str | bytes | bytearray


class Attachment(_NamedFile, total=False):
    """A file beside an event: its name at the server, what it holds (text is sent as UTF-8), and
    its media type, ``application/octet-stream`` unless told."""

    content_type: str | None


class Breadcrumb(TypedDict, total=False):
    """Something that happened before an error.

    ``type`` is ``default``, ``http``, ``query``...: how it is shown; ``category`` is what it is
    about; ``level`` is ``info`` unless told; ``timestamp`` is in seconds since 1970, now unless told.
    """

    type: str
    category: str
    message: str
    level: str
    timestamp: Any
    data: Mapping[str, Any]


class Frame(TypedDict, total=False):
    """One call on a stack."""

    function: str
    module: str | None
    filename: str
    abs_path: str
    lineno: int | None
    in_app: bool
    vars: dict[str, Any]
    pre_context: list[str]
    context_line: str
    post_context: list[str]


class Mechanism(TypedDict, total=False):
    """How an exception came to be captured, and its place among the others of its event."""

    type: str
    handled: bool
    source: str
    exception_id: int
    parent_id: int
    is_exception_group: bool
    data: dict[str, Any]


class ExceptionValue(TypedDict, total=False):
    """One exception of a chain. Frames begin with the oldest call."""

    type: str
    value: str
    module: str | None
    mechanism: Mechanism
    stacktrace: dict[str, list[Frame]]


class Event(TypedDict, total=False):
    """An event in Sentry's form. Of ``exception["values"]`` the innermost cause comes first."""

    event_id: str
    timestamp: Any
    platform: str
    level: str
    logger: str
    message: str
    logentry: dict[str, Any]
    exception: dict[str, list[ExceptionValue]]
    breadcrumbs: Any
    tags: dict[str, str]
    user: dict[str, Any]
    extra: dict[str, Any]
    contexts: dict[str, dict[str, Any]]
    request: dict[str, Any]
    fingerprint: list[str]
    transaction: str
    environment: str
    release: str
    server_name: str
    modules: dict[str, str]


class Hint(TypedDict, total=False):
    """What an event or a breadcrumb was made of, for ``before_send`` and ``before_breadcrumb``."""

    exception: Any
    log_record: Any
    attachments: list[Attachment]


class Breadcrumbs(TypedDict, total=False):
    """Which breadcrumbs are made: of log records (INFO and up), of requests by ``http.client``, and
    of processes that are started (off unless asked for: their arguments may hold anything)."""

    logging: bool
    http: bool
    subprocess: bool


class InitialScope(TypedDict, total=False):
    """What every event of the process says."""

    tags: Mapping[str, str | float | None]
    user: Mapping[str, Any]
    contexts: Mapping[str, Mapping[str, Any]]
    extra: Mapping[str, Any]
    level: Level
    fingerprint: Sequence[str]


class ErrorsSettings(TypedDict, total=False):
    """The settings of errors and traces; spans of time are milliseconds."""

    dsn: str | None
    spool_dir: Any
    spool: bool
    max_spool_bytes: int
    max_spool_age: float
    max_queue_bytes: int
    local_events: int
    storm_limit: int
    request_timeout: float
    shutdown_timeout: float
    sample_rate: float
    traces_sample_rate: float
    profiles_sample_rate: float
    max_breadcrumbs: int
    send_default_pii: bool
    include_local_variables: bool
    capture_prompts: bool
    scrub_keys: Sequence[str]
    server_name: str
    #: Changes an event before it is queued, or drops it by returning None.
    before_send: Callable[[Event, Hint], Event | None] | None
    #: As ``before_send``, for transactions.
    before_send_transaction: Callable[[Event, Hint], Event | None] | None
    #: Changes a breadcrumb before it is kept, or drops it by returning None.
    before_breadcrumb: Callable[[Breadcrumb, Hint], Breadcrumb | None] | None
    #: Errors that are not captured: by class (and its subclasses), by the class's name (with or
    #: without its module) or a part of ``Name: message``, or by a pattern found in that.
    ignore_errors: Sequence[type[BaseException] | str | Pattern[str]]
    #: Whether errors that nobody handles are captured; on unless told.
    capture_unhandled: bool
    #: Whether log records from ERROR on are events; on unless told. See ``LoggingHandler`` for others.
    capture_logged: bool
    #: Whether breadcrumbs are made of what happens; on unless told.
    breadcrumbs: Breadcrumbs | bool
    #: What every event of the process says.
    initial_scope: InitialScope
    #: Modules (with all below them) whose frames are the application's, and those whose are not.
    in_app_include: Sequence[str]
    in_app_exclude: Sequence[str]
    #: Decides by itself whether a transaction is captured: answers the share, 0 to 1, or a bool.
    traces_sampler: Callable[[dict[str, Any]], float | bool] | None

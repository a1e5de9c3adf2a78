"""Log records as events; loaded with the first one, so never without ``logging``."""

from __future__ import annotations

import logging

from ._capture import capture_record, is_captured, note
from ._capture_breadcrumbs import level_of, message_of, of_record
from ._plain import plain, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: What every record has; all else was given as `extra=`.
_OF_EVERY_RECORD = frozenset(logging.makeLogRecord({}).__dict__) | {
    "_tallylight",
    "asctime",
    "message",
    "taskName",
}


class _Open:
    """In the place of a handler's lock."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


class LoggingHandler(logging.Handler):
    """Makes an event of each log record from ``event_level`` on (ERROR unless told), with the exception
    that it carries, and a breadcrumb of each below.

    logging.getLogger().addHandler(tallylight.LoggingHandler())

    What is given as ``extra=`` to a logging call is the event's ``extra``. It has no lock, since
    there is nothing to guard, so a slow ``before_send`` holds up no other thread.
    """

    def __init__(self, level: int | str = logging.NOTSET, event_level: int = logging.ERROR) -> None:
        super().__init__(level)
        self.event_level = event_level

    def createLock(self) -> None:
        """Makes one that is always open."""
        self.lock = _Open()  # type: ignore[assignment]

    def emit(self, record: logging.LogRecord) -> None:
        """Captures the record; never raises."""
        try:
            self._take(record)
        except Exception:
            self.handleError(record)

    def _take(self, record: logging.LogRecord) -> None:
        if record.name.partition(".")[0] == "tallylight" or "_tallylight" in record.__dict__:
            return
        # So that no second handler of ours says the same again.
        record.__dict__["_tallylight"] = True
        if record.levelno >= self.event_level:
            capture(record)
        # After the event, which need not say so twice.
        note(of_record(record), {"log_record": record})


def capture(record: logging.LogRecord) -> None:
    """Captures a record, unless it tells of an exception that is an event already."""
    if record.name.partition(".")[0] == "tallylight":
        return
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    if error is None or not is_captured(error):
        capture_record(_event(record), error, {"log_record": record})


def _event(record: logging.LogRecord) -> dict[str, Any]:
    said = message_of(record)
    entry: dict[str, Any] = {"formatted": said, "message": text(record.msg)}
    if record.args:
        entry["params"] = plain(record.args)
    event: dict[str, Any] = {
        "level": level_of(record.levelno),
        "logger": text(record.name),
        "logentry": entry,
        "timestamp": record.created,
    }
    extra = {
        text(key): plain(value)
        for key, value in record.__dict__.items()
        if key not in _OF_EVERY_RECORD
    }
    extra["pathname"], extra["lineno"] = text(record.pathname), record.lineno
    event["extra"] = extra
    return event

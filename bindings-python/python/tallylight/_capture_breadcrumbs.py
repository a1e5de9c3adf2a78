"""What comes by itself: breadcrumbs of log records, of requests by ``http.client`` and of processes, and
events of log records from ERROR on.

Installed by ``init``, each once and only when its module is imported; which of them make breadcrumbs
is the last ``init``'s to say. What is followed behaves as before: its arguments, results and
exceptions pass unchanged.
"""

from __future__ import annotations

from time import perf_counter, time

from . import _native
from ._capture import note
from ._plain import plain, text
from ._when_imported import when_imported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_wanted: dict[str, bool] = {"logging": False, "http": False, "subprocess": False, "logged": False}
_followed: set[str] = set()

#: Loggers whose records are about our own work or make a breadcrumb of their own.
_SILENT = ("tallylight",)


def install(wanted: dict[str, bool], logged: bool) -> None:
    """Makes breadcrumbs of what is wanted from now on, and events of what is ``logged``."""
    _wanted.update(wanted, logged=logged)
    for name, module, follow in (
        ("logging", "logging", _follow_logging),
        ("http", "http.client", _follow_http),
        ("subprocess", "subprocess", _follow_processes),
    ):
        if (wanted[name] or (name == "logging" and logged)) and name not in _followed:
            _followed.add(name)
            when_imported(module, follow)


def of_record(record: Any) -> dict[str, Any]:
    """The breadcrumb of a log record."""
    return {
        "timestamp": record.created,
        "type": "log",
        "category": text(record.name),
        "level": level_of(record.levelno),
        "message": message_of(record),
    }


def level_of(number: int) -> str:
    """The level of a log record in Sentry's words."""
    if number >= 50:
        return "fatal"
    if number >= 40:
        return "error"
    if number >= 30:
        return "warning"
    return "info" if number >= 20 else "debug"


def message_of(record: Any) -> str:
    """What a record says; of one whose arguments do not fit, its template."""
    try:
        return text(record.getMessage())[:8_192]
    except Exception:
        return text(record.msg)[:8_192]


def _follow_logging(logging: ModuleType) -> None:
    def before(logger: Any, record: Any) -> Any:
        return record, (logger, record), {}

    def note_record(record: Any, answer: object, error: object) -> None:
        # What a handler of ours takes in, it notes itself.
        if record is None or record.levelno < 20 or "_tallylight" in record.__dict__:
            return
        if record.levelno >= 40 and _wanted["logged"]:
            from ._capture_logging import capture

            capture(record)
        if _wanted["logging"]:
            _note_record(record)

    logging.Logger.callHandlers = _native._Around(logging.Logger.callHandlers, before, note_record)


def _note_record(record: Any) -> None:
    if record.name.partition(".")[0] not in _SILENT:
        note(of_record(record), {"log_record": record})


def _follow_http(client: ModuleType) -> None:
    def begin(connection: Any, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        if _wanted["http"]:
            _begin_request(connection, method, url)

    def attend(connection: Any, *args: Any, **kwargs: Any) -> Any:
        return connection, (connection, *args), kwargs

    def sent(connection: Any, answer: object, error: BaseException | None) -> None:
        # Here it connects and sends.
        if error is not None:
            finish(connection, None, error)

    def finish(connection: Any, response: Any, error: BaseException | None) -> None:
        begun = connection.__dict__.pop("_tallylight_request", None)
        if begun is None:
            return
        if error is not None:
            _note_request(begun, None, type(error).__name__)
        else:
            _note_request(begun, response.status, response.reason)

    connection = client.HTTPConnection
    connection.putrequest = _native._Around(connection.putrequest, begin, None)
    connection.endheaders = _native._Around(connection.endheaders, attend, sent)
    connection.getresponse = _native._Around(connection.getresponse, attend, finish)


def _begin_request(connection: Any, method: str, path: str) -> None:
    is_secure = connection.default_port == 443
    host, port = connection.host, connection.port
    tunnel = getattr(connection, "_tunnel_host", None)
    if tunnel:
        host, port = tunnel, getattr(connection, "_tunnel_port", None) or port
    if "://" in path:
        # As a proxy is asked.
        url = path
    else:
        place = f"[{host}]" if ":" in host else host
        if port and port != connection.default_port:
            place = f"{place}:{port}"
        url = f"{'https' if is_secure else 'http'}://{place}{path}"
    connection._tallylight_request = (text(method), text(url), time(), perf_counter())


def _note_request(
    begun: tuple[str, str, float, float], status: int | None, reason: object
) -> None:
    method, url, at, started = begun
    data: dict[str, Any] = {
        "method": method,
        "url": url,
        "duration_ms": round((perf_counter() - started) * 1e3, 3),
    }
    level = "info"
    if status is None:
        data["error"] = text(reason)
        level = "error"
    else:
        data["status_code"] = status
        if reason:
            data["reason"] = text(reason)
        if status >= 500:
            level = "error"
        elif status >= 400:
            level = "warning"
    note(
        {"timestamp": at, "type": "http", "category": "httplib", "level": level, "data": data}, None
    )


def _follow_processes(subprocess: ModuleType) -> None:
    def begin(process: Any, args: Any, *more: Any, **kwargs: Any) -> None:
        if _wanted["subprocess"]:
            _note_process(args)

    subprocess.Popen.__init__ = _native._Around(subprocess.Popen.__init__, begin, None)


def _note_process(args: Any) -> None:
    words = plain(list(args) if isinstance(args, (list, tuple)) else args)
    command = " ".join(map(text, words)) if isinstance(words, list) else text(words)
    note(
        {
            "timestamp": time(),
            "type": "subprocess",
            "category": "subprocess",
            "level": "info",
            "message": command[:8_192],
        },
        None,
    )

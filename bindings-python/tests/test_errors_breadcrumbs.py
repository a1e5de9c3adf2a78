"""Breadcrumbs that come by themselves, and log records that become events."""

from __future__ import annotations

import json

from conftest import RunPython
from errors_support import RunCaptured, run_captured

__all__ = ["run_captured"]


def test_log_records_from_info_on_are_breadcrumbs(run_captured: RunCaptured) -> None:
    done = run_captured(
        """
        init()
        import logging
        log = logging.getLogger("shop.cart")
        logging.getLogger().setLevel(logging.DEBUG)
        log.debug("too detailed")
        log.info("added %s", "a hat")
        log.warning("does not fit %d")
        log.error("broken %s", "yes")
        logging.getLogger("tallylight.own").error("ours")
        tallylight.capture_message("x")
        """
    )
    logged, event = done.events
    assert logged["logentry"] == {"formatted": "broken yes", "message": "broken %s", "params": ["yes"]}
    assert [
        (crumb["category"], crumb["level"], crumb["message"], crumb["type"])
        for crumb in event["breadcrumbs"]
    ] == [
        ("shop.cart", "info", "added a hat", "log"),
        ("shop.cart", "warning", "does not fit %d", "log"),
        ("shop.cart", "error", "broken yes", "log"),
    ]


def test_a_log_record_of_an_error_is_an_event_once(run_captured: RunCaptured) -> None:
    done = run_captured(
        """
        import logging
        init()
        try:
            raise LookupError("x")
        except LookupError as error:
            tallylight.capture_exception(error)
            logging.exception("captured already")
        try:
            raise LookupError("y")
        except LookupError:
            logging.exception("logged")
        logging.error("by words alone")
        print(tallylight.delivery()["captured"])
        """
    )
    assert [event.get("logentry", {}).get("formatted") for event in done.events] == [
        None,
        "logged",
        "by words alone",
    ]
    assert done.out == "3\n"
    assert [crumb["message"] for crumb in done.events[2]["breadcrumbs"]] == ["captured already", "logged"]
    off = run_captured("import logging\ninit(capture_logged=False)\nlogging.error('x')")
    assert off.events == []


def test_a_handler_makes_events_of_errors(run_captured: RunCaptured) -> None:
    done = run_captured(
        """
        import logging
        init()
        log = logging.getLogger("shop")
        log.addHandler(tallylight.LoggingHandler())
        log.addHandler(tallylight.LoggingHandler())
        log.setLevel(logging.INFO)
        log.info("before %s", 1)
        log.error("order %s failed", 5, extra={"order": 5})
        try:
            raise LookupError("cause")
        except LookupError:
            log.exception("with exception")
            log.exception("again")
        log.critical("the end", stack_info=True)
        """
    )
    plain, exception, last = done.events
    assert plain["logger"] == "shop"
    assert plain["level"] == "error"
    assert plain["logentry"] == {
        "formatted": "order 5 failed",
        "message": "order %s failed",
        "params": [5],
    }
    assert plain["extra"]["order"] == 5
    assert [crumb["message"] for crumb in plain["breadcrumbs"]] == ["before 1"]
    value = exception["exception"]["values"][-1]
    assert value["type"] == "LookupError"
    assert value["mechanism"] == {"type": "logging", "handled": True}
    assert exception["logentry"]["formatted"] == "with exception"
    assert [crumb["message"] for crumb in last["breadcrumbs"]] == [
        "before 1",
        "order 5 failed",
        "with exception",
        "again",
    ]
    assert last["level"] == "fatal"
    assert "order 5 failed" not in done.err


_SERVER = """
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(self.path.split("/")[1][:3]))
        self.end_headers()
    do_POST = do_GET
    def log_message(self, *args): pass
server = HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"
"""


def test_requests_are_breadcrumbs(run_captured: RunCaptured) -> None:
    done = run_captured(
        _SERVER
        + """
import urllib.request, http.client
init()
urllib.request.urlopen(base + "/200?q=1").read()
try:
    urllib.request.urlopen(urllib.request.Request(base + "/503", method="POST"))
except OSError:
    pass
connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
connection.request("GET", "/404")
print(connection.getresponse().status)
server.shutdown()
server.server_close()
try:
    http.client.HTTPConnection("127.0.0.1", server.server_port).request("GET", "/refused")
except OSError:
    pass
tallylight.capture_message("x")
print(base)
"""
    )
    assert done.err == ""
    status, base = done.out.split()
    assert status == "404"
    crumbs = done.events[0]["breadcrumbs"]
    for crumb in crumbs:
        assert crumb["type"] == "http" and crumb["category"] == "httplib"
        assert crumb["data"].pop("duration_ms") >= 0
    assert [(crumb["level"], crumb["data"]) for crumb in crumbs] == [
        ("info", {"method": "GET", "url": f"{base}/200?q=1", "status_code": 200, "reason": "OK"}),
        (
            "error",
            {
                "method": "POST",
                "url": f"{base}/503",
                "status_code": 503,
                "reason": "Service Unavailable",
            },
        ),
        (
            "warning",
            {"method": "GET", "url": f"{base}/404", "status_code": 404, "reason": "Not Found"},
        ),
        (
            "error",
            {"method": "GET", "url": f"{base}/refused", "error": "ConnectionRefusedError"},
        ),
    ]


def test_processes_are_breadcrumbs_only_when_asked_for(run_captured: RunCaptured) -> None:
    script = """
        import subprocess, sys
        init(%s)
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        subprocess.run("true", shell=True)
        tallylight.capture_message("x")
        """
    assert "breadcrumbs" not in run_captured(script % "").events[0]
    assert "breadcrumbs" not in run_captured(script % "breadcrumbs=True").events[0]
    crumbs = run_captured(script % "breadcrumbs={'subprocess': True}").events[0]["breadcrumbs"]
    assert [crumb["message"].split()[-1] for crumb in crumbs] == ["pass", "true"]


def test_breadcrumbs_can_be_switched_off(run_captured: RunCaptured) -> None:
    done = run_captured(
        """
        import logging
        init(breadcrumbs=False)
        logging.warning("x")
        tallylight.capture_message("x")
        """
    )
    assert "breadcrumbs" not in done.events[0]
    done = run_captured(
        """
        init(max_breadcrumbs=0)
        tallylight.add_breadcrumb("x")
        tallylight.capture_message("x")
        """
    )
    assert "breadcrumbs" not in done.events[0]


def test_before_breadcrumb_changes_and_drops(run_captured: RunCaptured) -> None:
    done = run_captured(
        """
        import logging
        hints = []
        def look(crumb, hint):
            hints.append(sorted(hint))
            logging.warning("from the inside")
            if crumb["message"] == "drop":
                return None
            if crumb["message"] == "fail":
                raise RuntimeError("in before_breadcrumb")
            return {**crumb, "message": crumb["message"] + "!"}
        init(before_breadcrumb=look)
        for word in ("keep", "drop", "fail"):
            tallylight.add_breadcrumb(word)
        logging.warning("logged")
        tallylight.capture_message("x")
        import json
        print(json.dumps(hints))
        """
    )
    messages = [crumb["message"] for crumb in done.events[0]["breadcrumbs"]]
    assert messages == ["keep!", "logged!"]
    assert json.loads(done.out) == [[], [], [], ["log_record"]]
    assert "in before_breadcrumb" in done.err


def test_only_what_is_used_is_imported(run_python: RunPython) -> None:
    out = run_python(
        """
        import sys
        before = set(sys.modules)
        import tallylight
        tallylight.init(errors={"local_events": 5})
        print(sorted({"logging", "http.client", "subprocess", "asyncio", "threading", "re", "typing",
                      "traceback", "random", "uuid", "inspect"} & (set(sys.modules) - before)))
        """
    )
    assert out == "[]"

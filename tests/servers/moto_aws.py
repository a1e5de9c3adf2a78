"""AWS Secrets Manager and STS for the tests: moto on a free loopback port.

`cargo xtask test` and `cargo xtask services` start it. One JSON line on stdout, `{"moto": "http://127.0.0.1:PORT"}`,
says that it answers. It ends when its stdin closes, so that it never outlives whoever started it.

All suites share one: a test names secrets that no other uses, and never resets the server. moto takes the service and
the region from the credential scope of the Authorization header and checks no signature. Where it is not AWS, so that no
test may rest on it: a missing secret is 404 (AWS: 400); after UpdateSecretVersionStage a read without a stage, and a
batch, answer the old value (ask for AWSCURRENT); a put after that leaves two versions with AWSCURRENT; limits and
permissions are not enforced, which is what the fault proxy is for.
"""

import argparse
import json
import os
import sys
import threading

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import ThreadedWSGIServer


class Server(ThreadedWSGIServer):
    # A thousand clients may connect in the same instant; past the queue they would wait seconds to try again.
    request_queue_size = 4096


class Handler(MotoRequestHandler):
    def log_request(self, code="-", size="-"):
        """One line a request would bury what matters in the log."""


def one_at_a_time(application):
    """moto walks over its dictionaries while other threads change them, and answers 500 then."""
    lock = threading.Lock()

    def serial(environ, start_response):
        with lock:
            return list(application(environ, start_response))

    return serial


def end_with_stdin():
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(0)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--port", type=int, default=0, help="the port; 0, the default, takes a free one")
    options.add_argument("--no-stdin", action="store_true", help="go on when stdin closes")
    chosen = options.parse_args()

    server = Server("127.0.0.1", chosen.port, one_at_a_time(DomainDispatcherApplication(create_backend_app)), Handler)
    port = server.server_address[1]
    # moto writes it into the addresses it hands out.
    os.environ["MOTO_PORT"] = str(port)
    if not chosen.no_stdin:
        threading.Thread(target=end_with_stdin, daemon=True).start()
    print(json.dumps({"moto": f"http://127.0.0.1:{port}"}), flush=True)
    server.serve_forever()


main()

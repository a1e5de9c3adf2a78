"""A Sentry-compatible server for the tests: Bugsink on a free loopback port, with projects and a token.

`cargo xtask test` and `cargo xtask services` start it. One JSON line on stdout says that it answers:
`{"bugsink": "http://127.0.0.1:PORT", "token": "…", "dsns": {"rust": "…", …}}`. It ends when its stdin closes, so that it
never outlives whoever started it.

The databases are migrated once for each version of Bugsink and kept beside the server's folder; every start copies them
and begins empty. It stores events only: transactions, sessions, check-ins and client reports it accepts and forgets.
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from importlib.metadata import version
from pathlib import Path

# A project for each face, and one more for the command line.
PROJECTS = ("rust", "node", "python", "cli")
# Its limits are for a person's server; a test sends more in a minute than one gets in a month.
LIMITS = {
    f"MAX_EVENTS_PER_{scope}{span}": 10_000_000
    for scope in ("", "PROJECT_")
    for span in ("5_MINUTES", "HOUR", "MONTH")
}

SETTINGS = """
from bugsink.settings.default import *

SECRET_KEY = {key!r}
TIME_ZONE = "UTC"
DATABASES["default"]["NAME"] = {folder!r} + "/db.sqlite3"
DATABASES["snappea"]["NAME"] = {folder!r} + "/snappea.sqlite3"
# A request is digested before it is answered: what was accepted can be queried.
SNAPPEA = {{"TASK_ALWAYS_EAGER": True}}
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
BUGSINK = {{
    "BASE_URL": {url!r},
    "SINGLE_USER": True,
    "SINGLE_TEAM": True,
    "USER_REGISTRATION": "CB_NOBODY",
    "PHONEHOME": False,
    "VALIDATE_ON_DIGEST": "warn",
    "INGEST_STORE_BASE_DIR": {folder!r} + "/ingestion",
    **{limits!r},
}}
"""


def end_with_stdin():
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def configure(folder, url):
    (folder / "bugsink_conf.py").write_text(
        SETTINGS.format(key=secrets.token_hex(32), folder=str(folder), url=url, limits=LIMITS)
    )
    sys.path.insert(0, str(folder))
    os.environ["DJANGO_SETTINGS_MODULE"] = "bugsink_conf"
    # Some paths of Bugsink's are below the home folder of whoever runs it.
    os.environ["HOME"] = str(folder)
    os.chdir(folder)
    import django

    django.setup(set_prefix=False)


def databases(folder, kept):
    """Migrated databases: this version's from the last time, or made now and kept."""
    from django.core.management import call_command
    from django.db import connections

    names = ("db.sqlite3", "snappea.sqlite3")
    if all((kept / name).exists() for name in names):
        for name in names:
            shutil.copyfile(kept / name, folder / name)
        return
    call_command("migrate", verbosity=0)
    call_command("migrate", database="snappea", verbosity=0)
    connections.close_all()
    kept.mkdir(parents=True, exist_ok=True)
    for name in names:
        # Two that start at once may both get here: each renames a whole file.
        with tempfile.NamedTemporaryFile(dir=kept, delete=False) as copy:
            shutil.copyfile(folder / name, copy.name)
            os.replace(copy.name, kept / name)


def people():
    """The projects' DSNs and a token for the API."""
    from bsmain.models import AuthToken
    from django.contrib.auth import get_user_model
    from django.db import connections
    from projects.models import Project
    from teams.models import Team

    get_user_model().objects.create_superuser(username="admin@example.com", email="admin@example.com", password="pw")
    team = Team.objects.create(name="tests")
    dsns = {name: Project.objects.create(name=name, team=team).dsn for name in PROJECTS}
    token = AuthToken.create_full_access().token
    connections.close_all()
    return dsns, token


def serve(listener, ready):
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):
        def load_config(self):
            for key, value in {
                "bind": f"fd://{listener.fileno()}",
                "workers": 1,
                "worker_class": "gthread",
                "threads": 4,
                "backlog": 2048,
                "timeout": 120,
                "graceful_timeout": 1,
                "loglevel": "warning",
                "when_ready": lambda _server: print(json.dumps(ready), flush=True),
            }.items():
                self.cfg.set(key, value)

        def load(self):
            from bugsink.wsgi import application

            return application

    Server().run()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--port", type=int, default=0, help="the port; 0, the default, takes a free one")
    options.add_argument("--kept", type=Path, help="where migrated databases are kept [default: beside the interpreter]")
    options.add_argument("--no-stdin", action="store_true", help="go on when stdin closes")
    chosen = options.parse_args()

    # Ended by a signal, it takes its folder with it all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if not chosen.no_stdin:
        threading.Thread(target=end_with_stdin, daemon=True).start()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", chosen.port))
    listener.set_inheritable(True)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    kept = (chosen.kept or Path(sys.prefix) / "databases") / version("bugsink")

    with tempfile.TemporaryDirectory(prefix="tallylight-bugsink-", ignore_cleanup_errors=True) as folder:
        folder = Path(folder)
        configure(folder, url)
        databases(folder, kept)
        dsns, token = people()
        os.environ["GUNICORN_CMD_ARGS"] = ""
        serve(listener, {"bugsink": url, "token": token, "dsns": dsns})


main()

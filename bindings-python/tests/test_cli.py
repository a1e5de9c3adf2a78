"""The command line through the addon: the console script and ``python -m tallylight``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import tallylight

SCRIPT = Path(sysconfig.get_path("scripts")) / "tallylight"
COMMANDS = [[sys.executable, "-m", "tallylight"], [str(SCRIPT)]]


@pytest.mark.parametrize("command", COMMANDS, ids=["module", "script"])
def test_version_is_the_packages(command: list[str]) -> None:
    done = subprocess.run([*command, "version"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert tallylight.version() in done.stdout
    assert tallylight.version() == tallylight.__version__


@pytest.mark.parametrize("command", COMMANDS, ids=["module", "script"])
def test_a_wrong_command_is_told_on_stderr(command: list[str]) -> None:
    done = subprocess.run([*command, "no-such-thing"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "no-such-thing" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_closed_pipe_is_a_quiet_end() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*COMMANDS[0], "version"], stdout=writer, stderr=subprocess.PIPE, timeout=60
    )
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode == 0


def test_ctrl_c_ends_the_command_at_once() -> None:
    # A server that accepts and never answers keeps the command waiting.
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        process = subprocess.Popen(
            [*COMMANDS[0], "status", url, "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        connection, _ = server.accept()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        connection.close()
    assert process.returncode in (130, -signal.SIGINT)
    assert b"Traceback" not in errors

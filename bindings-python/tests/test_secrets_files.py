"""Secret files and, in development, variables."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from secrets_servers import RunSecrets, create, needs_servers, proxy, run_alone, run_secrets

__all__ = ["proxy", "run_alone", "run_secrets"]


def test_a_file_is_read_but_for_one_trailing_newline(run_alone: RunSecrets, tmp_path: Path) -> None:
    files = {"a": b"v\n", "b": b"v\n\n", "c": b"v\r\n", "d": b" v", "e": b"\n", "f": b"\xff\n"}
    env = {}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        env[f"PYTHON_{name.upper()}_FILE"] = str(tmp_path / name)
    out = run_alone(
        """
        tallylight.init(environment="production")
        for letter in "abcd":
            print(repr(tallylight.get_secret(f"python-{letter}").reveal()))
        found = tallylight.get_secret("python-f")
        print(found.source, found.is_binary, found.reveal_bytes(), found.version)
        try:
            print(repr(tallylight.get_secret("python-e").reveal()))
        except tallylight.TallylightError as error:
            print(error.code)
        """,
        env=env,
    )
    lines = out.split("\n")
    assert lines[:2] == ["'v'", "'v\\n'"]
    assert lines[3:5] == ["' v'", "file True b'\\xff' None"]


def test_what_is_no_secret_file_is_a_typed_error(run_alone: RunSecrets, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(1 << 30)
    os.mkfifo(tmp_path / "pipe")
    env = {
        "PYTHON_DIRECTORY_FILE": str(tmp_path),
        "PYTHON_MISSING_FILE": str(tmp_path / "missing"),
        "PYTHON_LARGE_FILE": str(tmp_path / "large"),
        "PYTHON_HUGE_FILE": str(huge),
        "PYTHON_PIPE_FILE": str(tmp_path / "pipe"),
        "PYTHON_MISSING": "not this one",
    }
    out = run_alone(
        """
        tallylight.init(environment="development", secrets={"deadline": 5_000})
        for name in ("directory", "missing", "large", "huge", "pipe"):
            try:
                print(tallylight.get_secret("python-" + name))
            except tallylight.TallylightError as error:
                print(error.code, sorted(error.details), error.details.get("path") in str(error))
        """,
        env=env,
    )
    assert len(out.split("\n")) == 5
    for line in out.split("\n"):
        code, rest = line.split(" ", 1)
        assert code in ("not_found", "invalid_value", "io", "invalid_config", "unavailable")
        assert "'name'" in rest and "'path'" in rest and rest.endswith("True")


def test_a_swapped_symlink_is_noticed_and_told(run_alone: RunSecrets, tmp_path: Path) -> None:
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "key").write_text(f"value {version}\n")
    (tmp_path / "data").symlink_to("1")
    (tmp_path / "key").symlink_to("data/key")
    out = run_alone(
        """
        folder = sys.argv[1]
        tallylight.init(environment="production")
        heard = tallylight.on_secret_change(name="python-key")
        print(tallylight.get_secret("python-key").reveal())
        # As Kubernetes does it: a new link beside the old one, then over it.
        os.symlink("2", folder + "/new")
        os.rename(folder + "/new", folder + "/data")
        eventually(lambda: tallylight.get_secret("python-key").reveal() == "value 2")
        change = next(heard)
        print(change.kind, change.source, [one.reveal() for one in tallylight.both("python-key")])
        """,
        str(tmp_path),
        env={"PYTHON_KEY_FILE": str(tmp_path / "key")},
    )
    assert out.split("\n") == ["value 1", "rotated file ['value 2', 'value 1']"]


@pytest.mark.parametrize(
    ("environment", "reads"),
    [("development", True), ("test", True), ("production", False), ("staging", False)],
)
def test_variables_are_read_in_development_only(
    environment: str, reads: bool, run_alone: RunSecrets
) -> None:
    out = run_alone(
        """
        tallylight.init(environment=sys.argv[1], secrets={"aliases": {"python-other": ["OTHER_KEY"]}})
        os.environ["CINEVIEW_AI_ENGINE_API"] = "set later"
        for name in ("cineview-gemini-api", "python-other", "cineview-ai-engine-api"):
            try:
                found = tallylight.get_secret(name)
                print(found.source, found.reveal())
            except tallylight.TallylightError as error:
                print(error.code, "from" in str(error))
        """,
        environment,
        env={"GEMINI_API_KEY": "by alias", "OTHER_KEY": "by another"},
    )
    lines = out.split("\n")
    if reads:
        wanted = ["by alias", "by another", "set later"]
        assert lines == [f"environment {value}" for value in wanted]
    else:
        assert "environment" not in out
        assert all("by" not in line and "set" not in line for line in lines)


@needs_servers
def test_production_never_falls_back_to_a_variable(run_secrets: RunSecrets) -> None:
    script = """
        tallylight.init(environment=sys.argv[1], secrets={"deadline": 1_000, "attempt_timeout": 300})
        proxy.mode("503")
        try:
            found = tallylight.get_secret("cineview-gemini-api")
            print(found.source, found.reveal())
        except tallylight.TallylightError as error:
            print(error.code)
        """
    env = {"CINEVIEW_GEMINI_API": "a developer's"}
    assert run_secrets(script, "production", env=env) == "unavailable"
    assert run_secrets(script, "development", env=env) == "environment a developer's"


@needs_servers
def test_sources_answer_in_their_order(run_secrets: RunSecrets, tmp_path: Path) -> None:
    name = create("from aws")
    variable = "".join(c if c.isalnum() else "_" for c in name.upper())
    (tmp_path / "file").write_text("from the file")
    out = run_secrets(
        """
        name, variable, file = sys.argv[1:]
        os.environ[variable] = "from the variable"
        tallylight.init(environment="development")
        def say():
            found = tallylight.refresh_secret(name)
            print(found.source, found.reveal())
        say()
        os.environ[variable + "_FILE"] = file
        say()
        with tallylight.secret_overrides({name: "from us"}):
            print(tallylight.get_secret(name).source)
        print(tallylight.get_secret(name).source)
        """,
        name,
        variable,
        str(tmp_path / "file"),
    )
    assert out.split("\n") == ["aws from aws", "file from the file", "override", "file"]

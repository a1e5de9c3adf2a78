"""The frames of a stack as Sentry shows them, without anything read from a disk: the core adds the
lines of source when it delivers.

Called for every exception of an event. What can be known of a file and its module is looked up
once; what is left to do for a frame is to copy it and set its line.
"""

from __future__ import annotations

import os
import sys

from . import _native
from ._capture_settings import settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Any

#: Frames of one stack that are kept, half of them at each end. Sentry's own limit.
_MOST = 250
#: What is known by file, function and module. Not by code, whose hash reads all of it. Emptied when it
#: is full, as code may be made without end.
_known: dict[tuple[str, str, str | None], dict[str, Any]] = {}
_MOST_KNOWN = 2_048
_HAS_QUALNAMES = sys.version_info >= (3, 11)

_OUTSIDE = ("/site-packages/", "/dist-packages/", "\\site-packages\\", "\\dist-packages\\")
_PACKAGE = __name__.partition(".")[0]


def forget() -> None:
    """Forgets what is known, since it goes by settings that changed."""
    _known.clear()


def of_traceback(traceback: TracebackType | None) -> list[dict[str, Any]]:
    """The frames that an exception passed through, the oldest call first."""
    steps = []
    while traceback is not None:
        steps.append(traceback)
        traceback = traceback.tb_next
    return [_frame(step.tb_frame, step.tb_lineno) for step in _ends(steps)]


def of_stack(frame: FrameType | None) -> list[dict[str, Any]]:
    """The frames of a running stack without ours, the oldest call first."""
    frames = []
    while frame is not None and _is_ours(frame):
        frame = frame.f_back
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    frames.reverse()
    return [_frame(frame, frame.f_lineno) for frame in _ends(frames)]


def _ends(steps: list[Any]) -> list[Any]:
    if len(steps) <= _MOST:
        return steps
    return steps[: _MOST // 2] + steps[-_MOST // 2 :]


def _is_ours(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__")
    return isinstance(name, str) and name.partition(".")[0] == _PACKAGE


def _frame(frame: FrameType, line: int | None) -> dict[str, Any]:
    code = frame.f_code
    module = frame.f_globals.get("__name__")
    if type(module) is not str:
        module = None
    function: str = code.co_qualname if _HAS_QUALNAMES else code.co_name
    key = (code.co_filename, function, module)
    known = _known.get(key)
    if known is None:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        known = _known[key] = _describe(*key)
    made = known.copy()
    made["lineno"] = line
    if settings.include_local_variables and made["in_app"]:
        made["vars"] = _variables(frame)
    return made


def _variables(frame: FrameType) -> dict[str, Any]:
    """The local variables; of a module's own frame without what every module has."""
    variables = frame.f_locals
    if variables is frame.f_globals:
        return _native._local(
            {name: value for name, value in variables.items() if not name.startswith("__")}
        )
    return _native._local(dict(variables))


def _describe(path: str, function: str, module: str | None) -> dict[str, Any]:
    described: dict[str, Any] = {"function": function}
    if module is not None:
        described["module"] = module
    if path.startswith("<"):
        # `<string>`, `<stdin>`, `<frozen importlib._bootstrap>`: no file.
        described["filename"] = described["abs_path"] = path
    else:
        absolute = _absolute(path)
        described["filename"] = _short(absolute, module)
        described["abs_path"] = absolute
    described["in_app"] = _is_in_app(described["abs_path"], module)
    described["lineno"] = None
    return described


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)
    except (OSError, ValueError):
        # The working folder is gone.
        return path


def _short(path: str, module: str | None) -> str:
    """The path below the folder that the module's package stands in, which is the same on every
    machine."""
    if module is None or "." not in module:
        return os.path.basename(path)
    top = sys.modules.get(module.partition(".")[0])
    where = getattr(top, "__file__", None)
    if isinstance(where, str):
        # The folder around `package/__init__.py`.
        above = os.path.dirname(os.path.dirname(where))
        if path.startswith(above + os.sep):
            return path[len(above) + 1 :]
    return os.path.basename(path)


def _is_in_app(path: str, module: str | None) -> bool:
    if module is not None:
        if _is_within(module, settings.in_app_include):
            return True
        if _is_within(module, settings.in_app_exclude) or _is_within(module, (_PACKAGE,)):
            return False
    if path.startswith("<frozen "):
        return False
    if any(outside in path for outside in _OUTSIDE):
        return False
    return not path.startswith(_standard_library())


def _is_within(module: str, names: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(name + ".") for name in names)


def _standard_library() -> tuple[str, ...]:
    # `os` is always loaded from there; under a virtual environment too.
    found = {os.path.dirname(os.path.abspath(os.__file__)) + os.sep}
    platlib = getattr(sys, "platlibdir", "lib")
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for prefix in (sys.base_prefix, sys.base_exec_prefix):
        found.add(os.path.join(prefix, platlib, version) + os.sep)
    return tuple(found)

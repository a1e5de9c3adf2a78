"""Calls back once a module has been imported: at once if it is there already.

So that whoever does not use a module does not pay for its import.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any


class _Finder:
    """Stands first among the finders while somebody waits, and finds nothing by itself."""

    def __init__(self) -> None:
        self.waiting: dict[str, list[Callable[[ModuleType], object]]] = {}

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in self.waiting:
            return None
        spec = None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is not self and find is not None:
                spec = find(name, path, target)
                if spec is not None:
                    break
        loader = None if spec is None else spec.loader
        if spec is not None and loader is not None and hasattr(loader, "exec_module"):
            self.follow(name, loader)
        return spec

    def follow(self, name: str, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            for callback in self.waiting.pop(name, ()):
                _call(callback, module)

        try:
            # Of this loader's instance; a loader that takes no attributes loads the module unseen.
            loader.exec_module = exec_module
        except Exception:
            pass


_finder = _Finder()


def when_imported(name: str, callback: Callable[[ModuleType], object]) -> None:
    """Calls ``callback`` with the module of that name, now or when it is imported."""
    module = sys.modules.get(name)
    if module is not None:
        _call(callback, module)
        return
    _finder.waiting.setdefault(name, []).append(callback)
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def _call(callback: Callable[[ModuleType], object], module: ModuleType) -> None:
    try:
        callback(module)
    except Exception as error:
        from ._capture_submit import report

        report(error, callback)

"""The errors of Tallylight: one class for each code, all under :class:`TallylightError`.

Only calls that are made once or rarely raise: registering, configuring, reading. Recording
never does.
"""

from __future__ import annotations


class TallylightError(Exception):
    """The base of every error that Tallylight raises; match on the class or on ``code``."""

    #: The stable string of the error, the same in Rust and Node.
    code: str = "internal"


class InvalidNameError(TallylightError):
    """A metric's name is empty, too long, no text or holds a control character."""

    code = "invalid_name"


class InvalidLabelError(TallylightError):
    """A label is no text, its key is empty or too long, or there are too many labels."""

    code = "invalid_label"


class InvalidValueError(TallylightError):
    """An argument is outside its range, such as an unknown kind."""

    code = "invalid_value"


class InvalidConfigError(TallylightError):
    """A setting cannot be used."""

    code = "invalid_config"


class ConflictError(TallylightError):
    """The same name, or the instance itself, was asked for as something else."""

    code = "conflict"


class ClosedError(TallylightError):
    """The instance was shut down."""

    code = "closed"


class UnsupportedError(TallylightError):
    """This platform or build cannot do it."""

    code = "unsupported"


class TallylightIOError(TallylightError):
    """The operating system refused; ``__cause__`` is its ``OSError``."""

    code = "io"


class ParseError(TallylightError):
    """A document or a log could not be read."""

    code = "parse"


class InternalError(TallylightError):
    """A fault of Tallylight's own, such as a contained panic; please report it."""

    code = "internal"


_CLASSES: dict[str, type[TallylightError]] = {
    cls.code: cls for cls in TallylightError.__subclasses__()
}


def class_of(code: str) -> type[TallylightError]:
    """The class of a code; the base for one that this version does not know."""
    return _CLASSES.get(code, TallylightError)

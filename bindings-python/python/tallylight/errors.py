"""The errors of Tallylight: one class for each code, all under :class:`TallylightError`.

Registering, configuring, reading and secrets raise. Recording never does.
"""

from __future__ import annotations


class TallylightError(Exception):
    """The base of every error that Tallylight raises; match on the class or on ``code``."""

    #: The stable string of the error, the same in Rust and Node.
    code: str = "internal"

    #: Facts beside the message where they are known: ``name``, ``region``, ``request_id``,
    #: ``aws_code``, ``variable``, ``path``. Never a secret's value.
    details: dict[str, str]

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.details = {}


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


class NotFoundError(TallylightError):
    """There is no such secret: it never was, or it was deleted."""

    code = "not_found"


class DeniedError(TallylightError):
    """The caller may not read or write the secret."""

    code = "denied"


class UnavailableError(TallylightError):
    """What answers is out of order, or the caller's own credentials are of no use."""

    code = "unavailable"


class TallylightTimeoutError(TallylightError, TimeoutError):
    """A deadline passed; it is a :class:`TimeoutError` too."""

    code = "timeout"


class NotReadyError(TallylightError):
    """There is no value at hand, and the call may not wait for one."""

    code = "not_ready"


class InternalError(TallylightError):
    """A fault of Tallylight's own, such as a contained panic; please report it."""

    code = "internal"


_CLASSES: dict[str, type[TallylightError]] = {
    cls.code: cls for cls in TallylightError.__subclasses__()
}


def class_of(code: str) -> type[TallylightError]:
    """The class of a code; the base for one that this version does not know."""
    return _CLASSES.get(code, TallylightError)

"""Every error a user can meet.

Each says what happened, where, and what to do next: `message` is one sentence,
`hint` is the next step. The command line prints both; the server turns them
into `application/problem+json`.
"""

from __future__ import annotations


class AfreshError(Exception):
    """The base of all errors that are meant to be read by a person."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class DefinitionError(AfreshError):
    """The definition file says something that cannot be; `file` and `line` say where."""

    def __init__(self, message: str, *, hint: str = "", file: str = "", line: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.file = file
        self.line = line

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " if self.file else ""
        return where + super().__str__()


class BadRequest(AfreshError):
    """The caller asked for something that cannot be answered; `path` points into the request."""

    def __init__(
        self, message: str, *, hint: str = "", path: str = "$", code: str = "bad_request"
    ) -> None:
        super().__init__(message, hint=hint)
        self.path = path
        self.code = code


class NotFound(AfreshError):
    """The named thing does not exist."""


class Overloaded(AfreshError):
    """A bounded queue is full; try again after `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message, hint=f"Try again in {retry_after:g} s.")
        self.retry_after = retry_after


class Unavailable(AfreshError):
    """The log cannot take events now (closed, unreachable); nothing of the request was kept."""


class StorageFull(Unavailable):
    """The disk, or the log's size budget, is full; nothing of the request was kept."""


class CorruptData(AfreshError):
    """A file does not hold what its checksum promises."""


class MissingDependency(AfreshError):
    """An optional package is not installed; the hint names the extra."""

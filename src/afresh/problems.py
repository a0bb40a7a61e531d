"""Where a declaration stands in the user's file, and what is wrong with it.

Declarations never raise while the file is being read: each remembers its
place, and one pass at the end reports every mistake together.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from afresh.errors import DefinitionError


class Place(NamedTuple):
    """A line of the user's file."""

    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a definition: where it stands, what it is, what to write instead."""

    file: str
    line: int
    message: str
    hint: str = ""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " if self.file else ""
        hint = f"\n  {self.hint}" if self.hint else ""
        return f"{where}{self.severity}: {self.message}{hint}"

    def to_error(self) -> DefinitionError:
        return DefinitionError(self.message, hint=self.hint, file=self.file, line=self.line)


def problem_of(error: DefinitionError) -> Problem:
    """The same mistake as a problem, to be collected with others."""
    return Problem(error.file, error.line, error.message, error.hint)


def here() -> Place:
    """The line, outside this package, that is being executed now."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        module = frame.f_globals.get("__name__", "")
        if module != "afresh" and not module.startswith("afresh."):
            break
        frame = frame.f_back
    return Place(frame.f_code.co_filename, frame.f_lineno)


def suggest(name: object, known: Iterable[object], *, prefix: str = "") -> str:
    """`Did you mean …?` for the nearest known name, else the list of them."""
    names = sorted({str(each) for each in known})
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {prefix}{near[0]}?"
    return f"Known here: {', '.join(names)}." if names else ""

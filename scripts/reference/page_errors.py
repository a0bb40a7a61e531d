"""Errors, from `afresh.errors`, and the door's verdicts."""

from __future__ import annotations

import inspect

from page_parts import code, summary, table

from afresh import errors
from afresh.events.verdict import CODES


def classes() -> list[type[Exception]]:
    """Every error class, in the order of the file."""
    return [
        value
        for value in vars(errors).values()
        if inspect.isclass(value)
        and issubclass(value, Exception)
        and value.__module__ == errors.__name__
    ]


def page() -> str:
    """The page."""
    rows = [(code(e.__name__), code(e.__bases__[0].__name__), summary(e)) for e in classes()]
    return "\n\n".join(
        [
            "# Errors",
            "Every error meant for a person says what happened, where, and what to do next. The "
            "command line prints both parts; the server answers `application/problem+json`. "
            "In Python they are classes of `afresh.errors`.",
            table(("Error", "Is a", "Meaning"), rows),
            "## Rejected events",
            "The code of an event that the door refused. The rest of its batch is kept.",
            table(("Code", "Meaning"), [(code(name), text) for name, text in CODES.items()]),
        ]
    )

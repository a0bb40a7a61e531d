"""Pieces of Markdown that several pages are made of."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells may hold anything but are put on one line."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell(text) for text in row) + " |" for row in rows]
    return "\n".join(lines)


def cell(text: str) -> str:
    """Text on one line that cannot end its cell."""
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|")


def code(text: object) -> str:
    """Inline code."""
    return f"`{text}`"


def prose(thing: object) -> str:
    """A docstring as paragraphs; nothing where there is none of its own."""
    return inspect.cleandoc(getattr(thing, "__doc__", None) or "")


def summary(thing: object) -> str:
    """The first paragraph of a docstring, on one line."""
    return cell(prose(thing).split("\n\n")[0])

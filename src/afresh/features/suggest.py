"""The hint of an error about a name: the nearest names there are."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`Did you mean 'x'?`, or all there is when nothing is near."""
    names = list(known)
    near = get_close_matches(name, names, n=1)
    if near:
        return f"Did you mean {near[0]!r}?"
    if not names:
        return "There are none."
    return "There is: " + ", ".join(sorted(names)[:20]) + ("." if len(names) <= 20 else ", …")

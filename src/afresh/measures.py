"""How durations, sizes and lists of names are written in settings."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_SIZES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def _measure(units: dict[str, int], example: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(\d+)\s*([A-Za-z]*)", value.strip())
    if found and not found[2]:
        return int(found[1])
    unit = found and units.get(found[2] if found[2] in units else found[2].upper())
    if not found or not unit:
        raise ValueError(f"write it like {example}, with one of {', '.join(units)}")
    return int(found[1]) * unit


def _duration(value: object) -> object:
    return _measure(_UNITS, '"30s" or "24h"', value)


def _size(value: object) -> object:
    return _measure(_SIZES, '"16MiB" or "50GB"', value)


def names(value: object) -> object:
    """Texts with commas between them, as a list; what is no text as it is."""
    return [v.strip() for v in value.split(",") if v.strip()] if isinstance(value, str) else value


Duration = Annotated[int, BeforeValidator(_duration)]
"""Milliseconds, written `"24h"` (units ms, s, m, h, d)."""
Size = Annotated[int, BeforeValidator(_size)]
"""Bytes, written `"16MiB"` (units B, KB, MB, GB, KiB, MiB, GiB)."""


def written(text: str) -> Any:
    """A default as a person would write it; the reference shows it so."""
    return text

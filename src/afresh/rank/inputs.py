"""What a surface brings to the columns of its ranker, besides the app's features."""

from __future__ import annotations

from typing import NamedTuple


class Inputs(NamedTuple):
    """labels: of the surface's sources; given: the numbers that a caller says of a list's items, by
    name, each with the user's feature that it is held against, "" for none."""

    labels: tuple[str, ...] = ()
    given: tuple[tuple[str, str], ...] = ()

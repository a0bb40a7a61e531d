"""One scale a column: messages hold integers, and say nowhere how many decimal places they have."""

from __future__ import annotations

from afresh.errors import AfreshError
from afresh.features.plan import Plan


def check_scales(plan: Plan) -> None:
    """Raises AfreshError when a column is read with different decimal places."""
    places: dict[str, int] = {}
    for source in plan.inputs:
        for name in (source.name, source.fallback):
            if source.kind != "number" or name is None:
                continue
            if places.setdefault(name, source.places) != source.places:
                raise AfreshError(
                    f"{name} is read with {places[name]} and {source.places} decimal places.",
                    hint="A column of the topic has one scale: declare both alike.",
                )

"""The items of a page as they are sent: each with its sources, and a reason a person can read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from afresh.arrange.listed import Listed
from afresh.rank.blend import Scored
from afresh.request import Item
from afresh.surface_spec import Source, Surface

REASONS: dict[str, Callable[[Source], str]] = {
    "sessions": lambda source: "People with sessions like this one chose it too",
    "similar": lambda source: "Often chosen next to what you looked at",
    "trending": lambda source: f"Popular in the last {source.params['window']}",
    "neighbours": lambda source: "People who did what you did went on to this",
    "next_item": lambda source: "What people go on to from your last item",
    "covisits": lambda source: "Looked at together with your latest items",
    "two_hops": lambda source: "Close to what goes with your latest items",
    "preference": lambda source: "Like the things you care for most",
    "text": lambda source: "Described like what you looked at",
    "repeats": lambda source: "About time for it again",
    "newcomers": lambda source: "New here",
    "catalogue": lambda source: "From the catalogue",
    "request": lambda source: "Named by the request",
}
"""Why an item is shown, by the source that adds most to its score."""


def items_of(
    texts: Sequence[str], listed: Listed, scored: Scored, surface: Surface, default: str
) -> list[Item]:
    """The head of a list, whose ids are `texts`. default: the source of what none has found."""
    n, sources = len(texts), surface.sources
    found = listed.rows[:n] >= 0
    parts = np.zeros((n, len(sources)))
    parts[found] = scored.parts[listed.rows[:n][found]]
    orders, parts_ = np.argsort(-parts, axis=1, kind="stable").tolist(), parts.tolist()
    made = []
    for text, score, order, part in zip(
        texts, listed.scores[:n].tolist(), orders, parts_, strict=True
    ):
        named = [sources[s] for s in order if part[s] > 0]
        names = list(dict.fromkeys([source.name for source in named])) or [default]
        reason = REASONS[names[0]](named[0] if named else sources[0])
        made.append(Item(text, rounded(score), names, reason))
    return made


def rounded(score: float) -> float:
    """A score as it is sent, to six digits."""
    return float(f"{score:.6g}")

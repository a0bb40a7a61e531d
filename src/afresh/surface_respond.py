"""The items of a page as they are sent: each with its sources, and a reason a person can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from afresh.arrange.listed import Listed
from afresh.rank.blend import Scored
from afresh.request import Item
from afresh.retrieve import Context
from afresh.surface_reasons import Reasons
from afresh.surface_spec import Surface


def items_of(
    texts: Sequence[str], listed: Listed, scored: Scored, surface: Surface, default: str,
    context: Context, reasons: Reasons,
) -> list[Item]:  # fmt: skip
    """The head of a list, whose ids are `texts`. default: the source of what none has found."""
    n, sources = len(texts), surface.sources
    nobody = replace(sources[0], name=default)
    found = listed.rows[:n] >= 0
    parts = np.zeros((n, len(sources)))
    parts[found] = scored.parts[listed.rows[:n][found]]
    orders, parts_ = np.argsort(-parts, axis=1, kind="stable").tolist(), parts.tolist()
    named = [
        [sources[s] for s in order if part[s] > 0]
        for order, part in zip(orders, parts_, strict=True)
    ]
    leading = [each[0] if each else nobody for each in named]
    made = zip(
        texts, listed.scores[:n].tolist(), named,
        reasons(listed.items[:n], leading, surface, context), strict=True,
    )  # fmt: skip
    return [
        Item(text, rounded(score), list(dict.fromkeys(s.name for s in each)) or [default], reason)
        for text, score, each, reason in made
    ]


def rounded(score: float) -> float:
    """A score as it is sent, to six digits."""
    return float(f"{score:.6g}")

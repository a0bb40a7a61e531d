"""What cannot be learned from: too little, all alike, or a feature that knows its own answer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afresh.errors import AfreshError
from afresh.train.examples import Examples

LEAST = 100
"""Questions whose answer is among the candidates; with fewer, chance decides what is learned."""
KNOWS = 0.99
"""How often a feature alone may tell what was taken from what was not, before it is refused."""
LOOKED_AT = 2000
"""Questions by which a feature is judged."""


def check_enough(examples: Examples) -> None:
    """Raises AfreshError when there is too little to learn from, or only one class."""
    found = int(examples.found.sum())
    if found < LEAST:
        raise AfreshError(
            f"Of {len(examples):,} questions in the log, {found:,} have their answer among the "
            f"candidates; at least {LEAST} are needed.",
            hint="Import more history (`afresh import`), or give the surface more sources, so that "
            "they find what people take.",
        )
    if (examples.grade > 0).all():
        raise AfreshError(
            "Everything among the candidates was taken: there is nothing to tell apart.",
            hint="Give the surface sources that find more candidates.",
        )


def telling_columns(examples: Examples, last: int) -> NDArray[np.int64]:
    """The columns that differ somewhere in the first `last` questions: int64[k].

    Raises AfreshError when none does.
    """
    x = examples.x[examples.rows(0, last)]
    same = [bool(((c == c[:1]) | (np.isnan(c) & np.isnan(c[:1]))).all()) for c in x.T]
    telling = np.flatnonzero(~np.array(same, np.bool_))
    if not len(telling):
        raise AfreshError(
            "Every feature is the same for all candidates: there is nothing to learn.",
            hint="Give the app features of items, or the surface more sources.",
        )
    return telling


def check_leaks(examples: Examples, features: set[str], last: int) -> None:
    """Raises AfreshError that names a feature which tells the answer by itself.

    Within a question's rows, how often a feature's value of what was taken is greater than (or,
    all the same, less than) that of what was not, ties counting half: the area under the ROC
    curve. A count over many people's events that does so in KNOWS of all pairs is not of the
    past: something is written about the item because of the outcome, but before it.
    """
    asked = [q for q in np.flatnonzero(examples.found[:last]).tolist() if _has_both(examples, q)]
    for at, name in enumerate(examples.names):
        if name not in features or len(asked) < LEAST // 2:
            continue
        area = float(np.mean([_area(examples, q, at) for q in asked[:LOOKED_AT]]))
        if max(area, 1.0 - area) >= KNOWS:
            raise AfreshError(
                f"The feature {name!r} knows its own answer: alone it tells what was taken from "
                f"what was not in {max(area, 1.0 - area):.1%} of all pairs.",
                hint="Look at which events it counts: one of them is written just before the "
                "action that it goes with. Leave it out with --without, or give that event no "
                "place in it.",
            )


def _has_both(examples: Examples, question: int) -> bool:
    taken = examples.grade[examples.rows(question, question + 1)] > 0
    return bool(taken.any() and not taken.all())


def _area(examples: Examples, question: int, column: int) -> float:
    rows = examples.rows(question, question + 1)
    values = np.nan_to_num(examples.x[rows, column], nan=-np.inf, posinf=np.inf, neginf=-np.inf)
    taken = examples.grade[rows] > 0
    pairs = values[taken][:, None], values[~taken][None, :]
    return float(np.mean((pairs[0] > pairs[1]) + 0.5 * (pairs[0] == pairs[1])))

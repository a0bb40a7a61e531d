"""What freshness is worth: real last visits, walked again with a pipeline that is late.

A visit is the last basket of a household with five products or more, one product each 20 seconds
(the receipts say when it was paid, not when each product was taken; so the order is drawn, and
the pace is ours). Before each product, the list is made from what a pipeline that is so late
knows: the part of the visit that has come through, what the household bought before it, and
everybody else's receipts up to then. It is a hit if the product is among the first 20. As on the
page, the list holds nothing that the household is known to have bought; so only products that are
new to it are asked for.

What is made is the order of `home`: its scans and learned weights, as of a moment of the past.
Trends are left out, because their tiles are an hour wide and could hold what came later; and the
products of the visit count as its context, but not towards their own popularity.
"""

from __future__ import annotations

from zlib import crc32

import msgspec
import numpy as np
from numpy.typing import NDArray

from afresh.answers import Answers
from afresh.features.people import latest, parties_of
from afresh.rank.beside import beside
from afresh.rank.blend import blend
from afresh.request import Arranged
from afresh.retrieve import Context
from afresh.retrieve.context import ITEMS, context_of
from afresh.stages.examples import of_sources
from afresh.surface import share

LATE_MS = (0, 60_000, 600_000, 3_600_000)
"""How late the pipelines are."""
PACE_MS = 20_000
TOP = 20
LEAST, MOST = 5, 40
"""Products of a visit: with fewer there is too little to know, of more the first are walked."""


class Worth(msgspec.Struct):
    """asked: how many products were looked for; hits: how many each of `late_ms` had found."""

    late_ms: tuple[int, ...]
    hits: list[int]
    asked: int


def worth(answers: Answers, household: str) -> Worth:
    """Walk a household's last visit once for each lateness; nothing is asked of one unknown.

    The replica's lock is held for one list at a time.
    """
    with answers.replica.lock:
        basket, before, at = _last_visit(answers, household)
    out = Worth(LATE_MS, [0] * len(LATE_MS), 0)
    made: dict[tuple[int, int], NDArray[np.int64]] = {}
    for place, item in enumerate(basket.tolist()):
        if item in before:
            continue
        out.asked += 1
        for i, late in enumerate(LATE_MS):
            known = max(0, place - late // PACE_MS)
            # What others did reaches the list as late; nothing of this visit is in the past yet.
            now = min(at, at + place * PACE_MS - late)
            key = known, now if known else late  # knowing nothing, some seconds change little
            if key not in made:
                with answers.replica.lock:
                    made[key] = _list(answers, household, basket[:known], before, now)
            out.hits[i] += item in made[key]
    return out


def _last_visit(
    answers: Answers, household: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """The products in the order of the walk, those bought before, and when it was, UTC ms."""
    state = answers.replica.state
    user = int(state.find("user_id", [household])[0])
    rows = latest(state, state.sequences[state.plan.history], parties_of(state, user, state.newest))
    ts, items = state.facts.ts[rows], state.facts.item[rows].astype(np.int64)
    moments, lines = np.unique(ts, return_counts=True)
    visits = moments[lines >= LEAST]
    if user < 0 or not len(visits):
        return np.empty(0, np.int64), items, 0
    at = int(visits[-1])
    basket = np.unique(items[ts == at])
    drawn = np.random.default_rng(crc32(household.encode())).permutation(basket)
    return drawn[:MOST], items[ts < at], at


def _list(
    answers: Answers,
    household: str,
    known: NDArray[np.int64],
    before: NDArray[np.int64],
    now: int,
) -> NDArray[np.int64]:
    """The first 20 as of `now` for a household that had bought `before` and has taken `known`,
    oldest first, since."""
    surfaces, sources = answers.surfaces, answers.surfaces.sources
    home = surfaces.by_name["home"]
    past = context_of(answers.replica.state, household, None, now)
    visit = known[::-1]
    items = np.array(list(dict.fromkeys([*visit.tolist(), *past.items.tolist()])), np.int64)
    context = Context(items[:ITEMS], past.sessions, now, visit, past.person)
    scans = [source for source in home.sources if source.name != "trending"]
    found = [sources(source, context, share(home)) for source in scans]
    surfaces.space.fit(answers.replica.state)
    scored = blend(found, [source.weight for source in scans], surfaces.space)
    kept = surfaces.filters.showable(scored.items, home, Arranged())
    kept &= ~np.isin(scored.items, np.concatenate([known, before]))
    scored = scored.take(kept)
    if len(scored.items):
        sources.learned(scored, beside(of_sources(scans)), context, share(home))
    return scored.items[np.lexsort((scored.items, -scored.scores))][:TOP]

"""Impressions: what was shown, where, and what people then did with it.

Every answer leaves a trace: who asked, when, what the log held, what was shown in which order, by
which model, with which propensities. That is enough to read the columns again, to the same bits, as
the log is folded to the same place. Outcomes are read from the log as it is now, so that late ones
count as well.

An outcome belongs to one impression: to the answer that its property `request_id` names, if its
event type declares one, else to the latest answer that showed the item to the same user, or in
the same session; in both cases within the attribution window, in event time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from afresh.features.plan import Plan
from afresh.log import Log
from afresh.rank.blend import Scored
from afresh.rank.trained import Ranker
from afresh.request import Arranged, Query
from afresh.retrieve import Context
from afresh.stages.given import LONGEST, distinct
from afresh.stages.refits import use_vectors
from afresh.store.replica import Replica
from afresh.surface import RANKED, share
from afresh.surfaces.spec import Surface
from afresh.traces import read_traces
from afresh.train.examples import SHOWN, Asker, Examples
from afresh.train.outcomes import WINDOW_MS, Outcomes, Progress, hashes
from afresh.vectors.shelf import FOLDER, Shelf

ENOUGH = 1000
"""Impressions with an outcome, from which on they are learned from instead of a replay."""


@dataclass(slots=True)
class Impression:
    """What one answer showed. offset: the place in the log that it reflects; at: its moment, UTC
    ms; shown: ids, from the top, of a caller's list in the caller's order; given: what the caller
    said of each, None where the list was our own. vectors: the name of those learned from visits
    that were in force. taken: weights by the hash of the item, filled in by `joined`."""

    request_id: str
    offset: int
    at: int
    query: Query
    shown: list[str]
    taken: dict[int, int]
    given: dict[str, list[float | None]] | None = None
    vectors: str = ""

    @property
    def owner(self) -> str:
        """Whose it was, as `outcomes.owners` has it."""
        user, session = self.query.user_id, self.query.session_id
        return f"u:{user}" if user else f"s:{session}" if session else ""


def read_impressions(folder: Path, surface: str, first: int, until: int) -> list[Impression]:
    """The first pages that a surface showed somebody, and the lists that callers gave, by their
    place in the log, of the places [first, until]. An answer about the past is none, nor is a
    caller's list of one item, which leaves nothing to choose; nor one whose vectors are gone, as
    what was known of it cannot be read again."""
    found, kept = [], {"", *Shelf(folder / FOLDER).names()}
    for trace in read_traces(folder):
        query = trace.query
        if query.surface != surface or query.as_of is not None:
            continue
        if query.cursor or not (query.user_id or query.session_id):
            continue
        if not first <= trace.offset <= until or trace.vectors not in kept:
            continue
        shown, given = trace.ranked, None if trace.ranked is None else trace.given
        if shown is None:
            shown = [item["item_id"] for item in msgspec.json.decode(trace.answer)["items"]]
        elif len(set(shown)) < 2:
            continue
        found.append(
            Impression(
                trace.request_id, trace.offset, trace.at, query, shown, {}, given, trace.vectors
            )
        )  # fmt: skip
    return sorted(found, key=lambda each: (each.offset, each.at))


def joined(impressions: list[Impression], outcomes: Outcomes, window: int = WINDOW_MS) -> int:
    """Fill in what was taken of each impression; how many have something."""
    shown = [(i, item) for i, each in enumerate(impressions) for item in dict.fromkeys(each.shown)]
    if not shown or not len(outcomes):
        return 0
    at = np.array([impressions[i].at for i, _ in shown], np.int64)
    seen = pl.DataFrame(
        {
            "impression": [i for i, _ in shown],
            "who": hashes([impressions[i].owner for i, _ in shown]),
            "request": hashes([impressions[i].request_id for i, _ in shown]),
            "item": hashes([item for _, item in shown]),
            "ts": at,
            "at": at,
        }
    )
    nobody = int(hashes([""])[0])
    done = pl.DataFrame(
        {
            "outcome": np.arange(len(outcomes)),
            "item": outcomes.item,
            "ts": outcomes.ts,
            "weight": outcomes.weight,
            "request": outcomes.request,
            "user": outcomes.who,
            "session": outcomes.session,
        }
    )
    named = done.filter(pl.col("request") != nobody).join(
        seen.drop("ts"), on=["request", "item"], how="inner"
    )
    named = named.filter((pl.col("ts") - pl.col("at")).is_between(0, window))
    rest = done.filter(pl.col("request") == nobody)
    parts = [named.select("outcome", "impression", "item", "weight", "at")]
    for party in ("user", "session"):
        latest = rest.with_columns(who=pl.col(party)).sort("ts").join_asof(
            seen.drop("request").sort("ts"), on="ts", by=["who", "item"], strategy="backward",
            tolerance=window, check_sortedness=False,
        )  # fmt: skip
        latest = latest.drop_nulls("impression")
        parts.append(latest.select("outcome", "impression", "item", "weight", "at"))
    once = pl.concat(parts).sort("at", maintain_order=True).unique("outcome", keep="last")
    for _, i, item, weight, _ in once.iter_rows():
        taken = impressions[i].taken
        taken[item] = max(taken.get(item, 0), weight)
    return sum(bool(each.taken) for each in impressions)


def looked_again(
    plan: Plan, surface: Surface, log: Log, impressions: list[Impression], shelf: Shelf, *,
    rows: int, seed: int, until: int, current: Ranker | None, progress: Progress,
) -> Examples:  # fmt: skip
    """Fold the log before the offset `until`, and read again on the way what was known of what
    was shown, of as many impressions with an outcome as give about `rows` rows. shelf: of the
    vectors learned from visits."""
    taken = [each for each in impressions if each.taken]
    size = max(1, sum(len(each.shown) for each in taken) // max(len(taken), 1))
    if len(taken) > (n := max(rows // size, 1)):
        chosen = np.random.default_rng(seed).choice(len(taken), n, replace=False)
        taken = [taken[i] for i in np.sort(chosen).tolist()]
    replica = Replica(plan)
    most = sum(len(each.shown) for each in taken)
    asker = Asker(plan, surface, replica, most, current, (SHOWN,))
    waiting = iter(taken)
    next_ = next(waiting, None)
    for entry in log.read(0, until):
        while next_ is not None and next_.offset <= entry.offset:
            _look(next_, asker, shelf)
            next_ = next(waiting, None)
        replica.apply(entry)
        replica.tidy()
        progress("questions", entry.end, until)
    while next_ is not None:
        _look(next_, asker, shelf)
        next_ = next(waiting, None)
    return asker.examples()


def _look(impression: Impression, asker: Asker, shelf: Shelf) -> None:
    """One impression as a question. An item that no source found, as one pinned, is no row, but
    for those of a caller's list."""
    surfaces, surface, taken = asker.surfaces, asker.surface, impression.taken
    use_vectors(surfaces.sources, impression.vectors, shelf)
    context = surfaces.context(impression.query, impression.at)
    best = max(taken, key=lambda item: taken[item])
    wanted = asker.grades[taken[best]]
    if impression.given is not None:
        names, listed, orders = _given(impression, context, asker)
        grade = asker.graded(names, taken)
        asker.tell(impression.at, context, grade, wanted, best)
        asker.write(context, listed, RANKED, orders, grade, impression.owner)
        return
    n = share(surface)
    scored = surfaces.scored(surface, context, n, Arranged())
    numbers = asker.replica.state.items.find_texts(impression.shown)
    rows = surfaces.space.rows(scored.items, numbers)
    position = np.flatnonzero(rows >= 0)
    rows, order = rows[position], -position.astype(np.float64)
    grade = asker.graded([impression.shown[at] for at in position.tolist()], taken)
    asker.tell(impression.at, context, grade, wanted, best)
    listed = scored.take(rows)
    asker.write(
        context, listed, n, {"surface": order, SHOWN: order}, grade, impression.owner, position
    )


def _given(
    impression: Impression, context: Context, asker: Asker
) -> tuple[list[str], Scored, dict[str, NDArray[np.float64]]]:
    """A caller's list as the surface laid it out when it was asked, and set down in its context:
    its ids, its rows, and how the surface's own scorer and the caller ordered them. Its place in
    what was answered is no column: whether the answer was shown, the trace does not say."""
    surfaces, surface = asker.surfaces, asker.surface
    known = dict(surface.given)
    said = {name: values for name, values in (impression.given or {}).items() if name in known}
    given = surfaces.lists.given(surface, impression.shown, said)
    context.given = given = given.head(LONGEST)
    scored = surfaces.scored(surface, context, RANKED, Arranged())
    listed = surfaces.lists.laid_out(scored, given)
    order = -np.arange(len(given.items), dtype=np.float64)
    orders = {"surface": listed.scores, SHOWN: order}
    return distinct(impression.shown)[:LONGEST], listed, orders

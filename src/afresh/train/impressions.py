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

from afresh.features.plan import Plan
from afresh.log import Log
from afresh.rank.trained import RERANKED, Ranker
from afresh.request import Arranged, Query
from afresh.store.replica import Replica
from afresh.surface import share
from afresh.surfaces.spec import Surface
from afresh.traces import read_traces
from afresh.train.examples import Asker, Examples
from afresh.train.outcomes import WINDOW_MS, Outcomes, Progress, hashes

ENOUGH = 1000
"""Impressions with an outcome, from which on they are learned from instead of a replay."""


@dataclass(slots=True)
class Impression:
    """What one answer showed. offset: the place in the log that it reflects; at: its moment, UTC
    ms; shown: ids, from the top. taken: weights by the hash of the item, filled in by `joined`."""

    request_id: str
    offset: int
    at: int
    query: Query
    shown: list[str]
    taken: dict[int, int]

    @property
    def owner(self) -> str:
        """Whose it was, as `outcomes.owners` has it."""
        user, session = self.query.user_id, self.query.session_id
        return f"u:{user}" if user else f"s:{session}" if session else ""


def read_impressions(folder: Path, surface: str, first: int, until: int) -> list[Impression]:
    """The first pages that a surface showed somebody, by their place in the log, of the places
    [first, until]. An answer about the past, or of the caller's own list, is none."""
    found = []
    for trace in read_traces(folder):
        query = trace.query
        if query.surface != surface or trace.ranked is not None or query.as_of is not None:
            continue
        if query.cursor or not (query.user_id or query.session_id):
            continue
        if not first <= trace.offset <= until:
            continue
        shown = [item["item_id"] for item in msgspec.json.decode(trace.answer)["items"]]
        found.append(Impression(trace.request_id, trace.offset, trace.at, query, shown, {}))
    return sorted(found, key=lambda each: (each.offset, each.at))


def joined(impressions: list[Impression], outcomes: Outcomes, window: int = WINDOW_MS) -> int:
    """Fill in what was taken of each impression; how many have something."""
    shown = [(i, item) for i, each in enumerate(impressions) for item in each.shown]
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
    plan: Plan, surface: Surface, log: Log, impressions: list[Impression], *, rows: int,
    seed: int, until: int, current: Ranker | None, progress: Progress,
) -> Examples:  # fmt: skip
    """Fold the log before the offset `until`, and read again on the way what was known of what
    was shown, of as many impressions with an outcome as give about `rows` rows."""
    taken = [each for each in impressions if each.taken]
    size = max(1, sum(len(each.shown) for each in taken) // max(len(taken), 1))
    if len(taken) > (n := max(rows // size, 1)):
        chosen = np.random.default_rng(seed).choice(len(taken), n, replace=False)
        taken = [taken[i] for i in np.sort(chosen).tolist()]
    replica = Replica(plan)
    most = max([RERANKED, *(len(each.shown) for each in taken)])
    asker = Asker(plan, surface, replica, len(taken) * -(-most // RERANKED), current)
    waiting = iter(taken)
    next_ = next(waiting, None)
    for entry in log.read(0, until):
        while next_ is not None and next_.offset <= entry.offset:
            _look(next_, asker)
            next_ = next(waiting, None)
        replica.apply(entry)
        replica.tidy()
        progress("questions", entry.end, until)
    while next_ is not None:
        _look(next_, asker)
        next_ = next(waiting, None)
    return asker.examples()


def _look(impression: Impression, asker: Asker) -> None:
    """One impression as a question. An item that no source found, as one pinned, is no row."""
    surfaces, surface = asker.surfaces, asker.surface
    context = surfaces.context(impression.query, impression.at)
    scored = surfaces.scored(surface, context, share(surface), Arranged())
    numbers = asker.replica.state.items.find_texts(impression.shown)
    rows = surfaces.space.rows(scored.items, numbers)
    position = np.flatnonzero(rows >= 0)
    rows = rows[position]
    grade = asker.graded(scored.items[rows], impression.taken)
    best = max(impression.taken, key=lambda item: impression.taken[item])
    wanted = asker.grades[impression.taken[best]]
    asker.tell(impression.at, context, grade, wanted, best)
    asker.write(
        context, scored, rows, -position.astype(np.float64), grade, impression.owner, position
    )

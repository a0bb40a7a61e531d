"""A surface as a policy: with which probability it would have shown what was logged.

A choice of the log is asked again as of its moment: the events before it are folded, what learns
has learned from them, and the surface makes its list. A list is not drawn, so at each place one
item has probability 1; but in the first slot that explores, each of the pool has that of its being
drawn. In the slots behind it that depends on the draws before, which a row of a log does not say.

So a surface mostly does what the log did not. The estimate then rests on the few choices in which
they agree, and it is refused when these are too few, or when the log had no chance of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from afresh.app import App
from afresh.errors import BadRequest
from afresh.evaluation.choices import ROW, Choices, choices_of
from afresh.evaluation.logged import Policy, read_logged
from afresh.evaluation.off_policy import LEAST, OffPolicy, valued
from afresh.evaluation.protocol import Part
from afresh.evaluation.ranked import Ranked, ranked
from afresh.evaluation.run import catalogue
from afresh.evaluation.stream import Progress, Stream, read_stream
from afresh.evaluation.walk import Walk
from afresh.evaluation.wanted import Wanted
from afresh.rank.trained import Chosen
from afresh.request import Query
from afresh.surface import Surfaces

SCHEMA = {ROW: pl.Int64, "item_id": pl.String, "probability": pl.Float64}
Likely = list[tuple[str, float]]
"""Items, each with the probability that it is shown."""


class _Asked(Walk):
    """Asks a surface about choices, on the way through a stream."""

    def __init__(
        self, app: App, stream: Stream, wanted: Wanted, items: bytes, ranker: Ranked | None,
        progress: Progress,
    ) -> None:  # fmt: skip
        super().__init__(app, stream, wanted, items, ranker, progress)
        declared = next(each for each in app.surfaces if each.name == wanted.surface)
        filters = self.asker.surface.filters
        self.surface = replace(declared, groups=(), filters=filters)
        self.surfaces = Surfaces((self.surface,), self.replica)
        self.surfaces.rankers = {
            self.surface.name: Chosen(None if ranker is None else ranker.ranker)
        }
        self.surfaces.prepare()
        self.behind = 0
        """Choices that stood in a slot behind the first that explores."""

    def table(self, choices: Choices) -> pl.DataFrame:
        """ROW, item_id, probability: what the surface would have shown at each choice's place."""
        rows: list[int] = []
        names: list[str] = []
        likely: list[float] = []
        waiting = self._to_learn(choices) if self.learns else np.empty(0, np.int64)
        for row, moment in enumerate(choices.ts.tolist()):
            while len(waiting) and self.stream.stamp[waiting[0]] < moment:
                self._learn_of(int(waiting[0]))
                waiting = waiting[1:]
            self._follow(moment)
            for name, probability in self._shown(choices, row):
                rows.append(row)
                names.append(name)
                likely.append(probability)
            if row % 100 == 0:
                self.progress("choices", row, len(choices))
        self.progress("choices", len(choices), len(choices))
        table = pl.DataFrame({ROW: rows, "item_id": names, "probability": likely}, schema=SCHEMA)
        return table.cast({ROW: choices.log.schema[ROW]})

    def _to_learn(self, choices: Choices) -> NDArray[np.int64]:
        """The first event of each group that is learned from: the `wanted.learn` last ones before
        the first choice, and all those between the choices; int64[k], rising."""
        _, first = np.unique(self.stream.group, return_index=True)
        asked = np.unique(self.stream.group[self._asks])
        rows = np.sort(first[asked]).astype(np.int64)
        before = int(np.searchsorted(self.stream.stamp[rows], choices.ts[0]))
        return rows[max(before - self.wanted.learn, 0) :]

    def _learn_of(self, row: int) -> None:
        self._follow(int(self.stream.stamp[row]))
        group = self.stream.group[row]
        rows = self._members[self._starts[group] : self._starts[group + 1]]
        nothing = np.empty(0, np.int64)
        self._ask(rows[self._asks[rows]], Part(nothing, nothing, judged=False, moves=True))

    def _shown(self, choices: Choices, row: int) -> Likely:
        """What would have been shown at the choice's place."""
        query = Query(
            surface=self.surface.name, user_id=choices.users[row],
            session_id=choices.sessions[row], context=choices.said[row],
        )  # fmt: skip
        now, at = int(choices.ts[row]), int(choices.position[row])
        if choices.candidates is not None:
            ordered = self.surfaces.rank(query, choices.candidates[row], now, late=()).items
            return [(ordered[at].item_id, 1.0)] if at < len(ordered) else []
        self.surfaces.exploring.forget()
        page = self.surfaces.recommend(query, now, late=()).items
        pool, chances = self.surfaces.exploring.first(now)
        drawn = min(self.surface.explore.slots, len(pool), len(page))
        slot = at - (len(page) - drawn)  # they stand at the end of the page
        if slot < 0:
            return [(page[at].item_id, 1.0)]
        self.behind += 0 < slot < drawn
        if slot or not drawn:
            return []
        names: Sequence[str] = self.replica.state.items.texts(pool)
        return list(zip(names, chances.tolist(), strict=True))


def estimated_of(
    app: App, events: Path, logged: Path, wanted: Wanted, *, said: str, items: Path | None = None,
    reward: str = "reward", models: Path = Path("models"), least: float = LEAST,
    progress: Progress = lambda stage, done, total: None,
) -> OffPolicy:  # fmt: skip
    """What a surface would have earned at the choices of a log, each asked as of its moment.

    events: what happened, before and between the choices; items: a file of the catalogue, known
    from the start; said: what the policy is called; models: the folder of the registry that has
    `wanted.model`; least: effective samples below which there is no estimate. Raises BadRequest for
    files that are not as described in `logged` and `choices`, and otherwise as `ranked`.
    """
    ranker = ranked(app, models, wanted) if wanted.model else None
    log = read_logged(logged, reward)
    choices = choices_of(
        log, logged, context=wanted.context, sample=wanted.sample, seed=wanted.seed
    )
    stream = read_stream(events, app.plan().accepted, progress=progress)
    bare = msgspec.structs.replace(wanted, context=())  # those are fields of the log here
    asked = _Asked(app, stream, bare, catalogue(app, items)[1], ranker, progress)
    deepest, most = int(choices.position.max()), asked.surface.n
    if choices.candidates is None and deepest >= most:
        raise BadRequest(
            f"{logged} has choices at position {deepest}; {wanted.surface!r} shows {most} items.",
            hint="Positions begin at 0. Leave out what lies behind the surface's list.",
        )
    table = asked.table(choices)
    if asked.behind:
        raise BadRequest(
            f"{asked.behind:,} choices of {logged} stand in a slot behind the first that explores: "
            "what is drawn there depends on the draws before it, which no row says.",
            hint=f"Leave out all but the first of the {asked.surface.explore.slots} last places.",
        )
    within = choices.within
    if within:
        table = table.join(choices.log.select(ROW, *within), on=ROW, how="left")
    model = None
    if ranker is not None:
        asked_when = pl.DataFrame({"question": np.arange(len(choices)), "ts": choices.ts})
        model = ranker.judged(asked_when)
    policy = Policy(table, [ROW], within)
    return valued(policy, choices.log, said=said, logged=logged, least=least, model=model)

"""Which order is judged: the surface's own, or that of a trained ranker from the registry.

A ranker is judged by what it has not seen. Of questions that are no later than the last one
it learned from it may know the answers, or what came after; how many those are is said beside the
figures, as nothing in the figures shows it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec
import polars as pl

from afresh.app import App
from afresh.errors import BadRequest, NotFound
from afresh.evaluation.question import judged_surface
from afresh.evaluation.wanted import Wanted
from afresh.rank.manifest import Range, moment
from afresh.rank.registry import IN_FORCE, Registry
from afresh.rank.trained import Ranker, load_ranker


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """The model whose order was judged. learned_from, learned_until: the first and the last moment
    of the questions that it learned from, UTC ms; questions: how many were asked of it, and seen
    how many of those no later than learned_until; the three are null where its manifest does not
    say. warning: why the figures are no evidence, null where nothing speaks against them."""

    name: str
    learned_from: int | None
    learned_until: int | None
    questions: int
    seen: int | None
    warning: str | None


class Ranked(NamedTuple):
    """A ranker that is to be judged, and the data that it learned from, None where that is not
    known."""

    ranker: Ranker
    data: Range | None

    def judged(self, targets: pl.DataFrame) -> Judged:
        """By these targets, whose columns are those of `outcome.COLUMNS`."""
        ts, data, name = targets.unique("question")["ts"], self.data, self.ranker.name
        if data is None:
            return Judged(
                name=name, learned_from=None, learned_until=None, questions=len(ts), seen=None,
                warning=f"What {name} learned from is not known here: if it has seen these "
                "questions or later ones, this is no evidence of what it does with new ones.",
            )  # fmt: skip
        seen = int((ts <= data.max_ts).sum())
        return Judged(
            name=name, learned_from=data.min_ts, learned_until=data.max_ts, questions=len(ts),
            seen=seen, warning=self._warning(data, seen, len(ts)) if seen else None,
        )  # fmt: skip

    def _warning(self, data: Range, seen: int, questions: int) -> str:
        first, last = moment(data.min_ts), moment(data.max_ts)
        return (
            f"{self.ranker.name} learned from questions of {first} to {last}, and {seen:,} of "
            f"these {questions:,} are no later: it may have learned their answers, so this is no "
            "evidence of what it does with events that it has not seen. Ask of later ones alone "
            "(--warm-up, --protocol split), or judge a model that was trained on earlier ones."
        )


def ranked(app: App, models: Path, wanted: Wanted) -> Ranked:
    """The ranker that is wanted by its name, or as `promoted`, of the registry in the folder
    `models`.

    Raises NotFound where there is none such or none is promoted, BadRequest for one of another
    surface, and otherwise as `load_ranker`.
    """
    surface = judged_surface(app.surfaces, wanted)
    registry, name = Registry(models), wanted.model
    if name == IN_FORCE:
        name = registry.promoted(surface.name)
        if not name:
            raise NotFound(
                f"No model of {models} ranks {surface.name!r}.",
                hint="Name one (`afresh models list`), promote one, or name its --data.",
            )
    manifest = registry.manifest(name)
    if manifest.surface != surface.name:
        raise BadRequest(
            f"The model {name} ranks the surface {manifest.surface!r}, not {surface.name!r}.",
            hint=f"Say --surface {manifest.surface}, or name another model.",
        )
    return Ranked(load_ranker(registry, name, app.plan(), surface.inputs), manifest.data)

"""A caller's own list, put in order: what a trained ranker makes of all of it, cold items
included; without one, what the sources found first, the rest in the order given."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import structlog
from numpy.typing import NDArray

from afresh.arrange.listed import Listed
from afresh.errors import BadRequest
from afresh.problems import suggest
from afresh.rank.blend import Scored
from afresh.rank.trained import Chosen, Ranker
from afresh.request import Arranged, Item
from afresh.retrieve import Context, Workspace
from afresh.retrieve.given import Given
from afresh.stages.reasons import USUAL, Reasons
from afresh.stages.reranking import able, probabilities, read
from afresh.stages.respond import items_of
from afresh.stages.sources import Sources
from afresh.store.replica import Replica
from afresh.surfaces.spec import Surface

LONGEST = 1000
"""Items of a given list that a ranker orders; what a longer one has besides follows as given."""
UNFOUND = 0.5
"""What an item that no source found counts against the least of the list that one did."""

Numbers = Mapping[str, Sequence[float | None]]
"""By name, what the caller says of each item as it was named, null where that is not known."""
NOTHING_SAID: Numbers = {}

_log = structlog.get_logger("afresh.surface")


class GivenLists:
    """Orders the lists of callers, over one replica; the caller holds its lock."""

    def __init__(
        self, replica: Replica, space: Workspace, sources: Sources, reasons: Reasons
    ) -> None:
        self.replica, self.space, self.sources, self.reasons = replica, space, sources, reasons

    def given(self, surface: Surface, item_ids: Sequence[str], numbers: Numbers) -> Given:
        """A list as the columns read it, each item once. Raises BadRequest for numbers that are not
        declared, too many or too few, or infinite."""
        said = {
            name: numbers_of(name, values, len(item_ids), surface)
            for name, values in numbers.items()
        }
        first = {item: at for at, item in reversed(list(enumerate(item_ids)))}
        names = distinct(item_ids)
        rows = np.array([first[name] for name in names], np.int64)
        found = self.replica.state.items.find_texts(names)
        return Given(found, {name: values[rows] for name, values in said.items()})

    def laid_out(self, scored: Scored, given: Given) -> Scored:
        """The candidates of the sources as the rows of a given list, in its order: items int64[k],
        -1 for one never met; scores above zero; parts float64[k, sources]."""
        rows = self.space.rows(scored.items, given.items)
        parts = np.zeros((len(rows), scored.parts.shape[1]))
        scores, found = np.zeros(len(rows)), rows >= 0
        parts[found], scores[found] = scored.parts[rows[found]], scored.scores[rows[found]]
        least = scores[scores > 0].min(initial=math.inf)
        scores[scores <= 0] = 1.0 if least == math.inf else UNFOUND * least
        return Scored(given.items, scores, parts, scored.best)

    def __call__(
        self, surface: Surface, names: list[str], given: Given, scored: Scored, context: Context,
        chosen: Chosen, n: int, out: Arranged,
    ) -> None:  # fmt: skip
        """Fill in what is shown of a list, whose distinct ids are `names`. n: the candidates of
        each source. A ranker that fails is left out and named."""
        ranker = able(chosen, self.sources.replica, out)
        if ranker is not None:
            try:
                self._ranked(ranker, surface, names, given, scored, context, n, out)
                return
            except Exception:
                _log.exception("scorer_failed", scorer=ranker.name)
                out.left_out(f"model:{ranker.name}")
        listed = Listed.of(scored.items, scored.scores)
        places = self.space.rows(given.items, listed.items)
        listed, found = listed.take(places >= 0), places[places >= 0].tolist()
        texts = [names[at] for at in found]
        out.items = items_of(texts, listed, scored, surface, "request", context, self.reasons)
        rest = sorted(set(range(len(names))).difference(found))
        out.items += _unranked(surface, [names[at] for at in rest])
        out.numbers = [int(given.items[at]) for at in found + rest]
        out.rows = listed.rows.tolist() + [-1] * len(rest)

    def _ranked(
        self, ranker: Ranker, surface: Surface, names: list[str], given: Given, scored: Scored,
        context: Context, n: int, out: Arranged,
    ) -> None:  # fmt: skip
        """By a ranker; of equals the one that the caller named first stands first."""
        context.given = head = given.head(LONGEST)
        rows = self.laid_out(scored, head)
        x = self.sources.matrix(ranker.columns, rows.items, rows.parts, context, n)
        own = np.ones(len(rows.scores)) if ranker.given else rows.scores
        made = ranker(x, own)
        order = np.argsort(-made, kind="stable")
        listed = Listed(rows.items[order], probabilities(made)[order], order)
        texts = [names[at] for at in order.tolist()]
        items = items_of(texts, listed, rows, surface, "request", context, self.reasons)
        out.items = items + _unranked(surface, names[LONGEST:])
        out.numbers = [*listed.items.tolist(), *given.items[LONGEST:].tolist()]
        out.rows = order.tolist() + [-1] * len(names[LONGEST:])
        out.model = ranker.name
        out.weighed = read(ranker, rows.items, np.arange(len(order)), x, own)


def numbers_of(
    name: str, said: Sequence[float | None], items: int, surface: Surface
) -> NDArray[np.float64]:
    """What a caller says of so many items by one name: float64[items], NaN where it is not known.
    Raises BadRequest."""
    path = f"$.given.{name}"
    declared = [each for each, _ in surface.given]
    if name not in declared:
        hint = f'The definition has to name it: app.surface("{surface.name}", given=("{name}",)).'
        if declared:
            hint = suggest(name, declared)
        raise BadRequest(f"{surface.name} is given no {name!r}.", hint=hint, path=path)
    if len(said) != items:
        raise BadRequest(
            f"{len(said)} numbers of {name!r} were given for {items} items.",
            hint="Give one for each item, in the order of the items; null where it is not known.",
            path=path,
        )
    out = np.array([math.nan if value is None else value for value in said], np.float64)
    beyond = np.flatnonzero(np.abs(out) > np.finfo(np.float32).max)
    if len(beyond):
        raise BadRequest(
            f"{out[beyond[0]]} is no number of {name!r} that can be read.",
            hint="Give finite numbers, and null where one is not known.",
            path=f"{path}[{beyond[0]}]",
        )
    return out


def distinct(item_ids: Sequence[str]) -> list[str]:
    """A list's items, each once."""
    return list(dict.fromkeys(item_ids))


def _unranked(surface: Surface, names: Sequence[str]) -> list[Item]:
    reason = USUAL["request"](surface.sources[0])
    return [Item(name, 0.0, ["request"], reason) for name in names]

"""What is asked of an evaluation, as plain data."""

from __future__ import annotations

from typing import Literal

import msgspec

Ties = Literal["together", "in-order", "shuffled"]
Protocol = Literal["time", "last", "split"]
Targets = Literal["all", "new"]

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
FRESHNESS = (0, 60_000, 600_000, HOUR_MS, 6 * HOUR_MS, DAY_MS, None)
"""The lags of the freshness curve, ms; None: the index stays as it was when asking began."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One evaluation.

    protocol: `time` asks the last events in time order, each before it is learned; `last` asks
    each visitor's last event, the rest being known; `split` asks the rows that the file marks.
    warm_up: the share of the events that are folded before any is asked (`time`).
    model_lag: ms by which state and weights are behind; None: they stay as they are when asking
    begins. context_lag: ms by which what the visitor did is known late.
    ties: what becomes of the events of one session at one moment: `together` is one question
    with several answers; `in-order` and `shuffled` ask one by one, a millisecond apart, the
    earlier ones known to the request and not to the index.
    target: the types of event that are asked for; of none, all that have a weight.
    at: the lengths of list that are judged, rising. sample: how many questions, drawn by `seed`;
    None: all. least: ask only of visitors of whose session so many events are known.
    targets: `new` leaves out what the visitor has touched before. hide_session: the request
    excludes what the session has, as the page of a basket would; show_seen: the surface's
    filter of seen items is left out. learn: how many events before the first question are
    learned from, where the surface learns. young: ms since its first event that an item is young.
    refit: ms of event time after which vectors learned from visits are fitted again, where the
    surface reads such. cold: a visitor with fewer events is cold. context: fields of the event
    that the request says as well. by: fields whose values are looked at apart. model: the trained
    ranker that orders the lists, "" for the surface's own order.
    """

    surface: str = "home"
    model: str = ""
    protocol: Protocol = "time"
    warm_up: float = 0.5
    model_lag: int | None = 0
    context_lag: int = 0
    ties: Ties = "together"
    target: tuple[str, ...] = ()
    at: tuple[int, ...] = (1, 5, 10, 20)
    sample: int | None = None
    seed: int = 1
    least: int = 0
    targets: Targets = "all"
    hide_session: bool = False
    show_seen: bool = False
    learn: int = 20_000
    young: int = DAY_MS
    refit: int = DAY_MS
    cold: int = 1
    context: tuple[str, ...] = ()
    by: tuple[str, ...] = ()

    @property
    def depth(self) -> int:
        """How long a list is asked for."""
        return self.at[-1]

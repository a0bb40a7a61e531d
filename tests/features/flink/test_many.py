"""A million events: the facts are those of the embedded engine."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice

import pytest
from benchmarks._apps.pulse import app
from engines.flink import Flink
from engines.kafka import Kafka
from tests.batches import batch_of
from tests.flinked import Flinked
from tests.model import Event
from tests.streams import NOON

from afresh.features.canonical import canonical
from afresh.features.engines.embedded import State

PLAN = app.plan()
N, PORTION = 1_000_000, 20_000
HOURS = 3_600_000

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(7200)]


def shopping() -> Iterator[Event]:
    """Three days, an hour out of order; a hundredth comes twice."""
    dice = random.Random(5)
    for at in range(N):
        kind = dice.choices(["view", "cart", "buy"], [85, 10, 5])[0]
        user, item = int(dice.random() ** 2 * 20_000), int(dice.random() ** 2 * 5_000)
        fields: dict[str, int | str | None] = {"item.category": f"c{item % 50}"}
        if kind == "buy":
            fields["price_cents"] = dice.randrange(1, 100_000)
        ts = NOON + at * 72 * HOURS // N + dice.randrange(HOURS)
        event = Event(f"{at:032x}", kind, ts, f"u{user}", f"i{item}", f"v{user}-{at // 200_000}",
                      fields)  # fmt: skip
        yield event
        if dice.random() < 0.01:
            yield event


def test_a_million_events(kafka: Kafka, flink: Flink) -> None:
    state, running = State(PLAN), Flinked(kafka, flink, PLAN)
    running.patience_s = 3600.0
    running.submit()
    events, known = shopping(), set[str]()
    while portion := list(islice(events, PORTION)):
        running.send(portion)
        new = [e for e in dict.fromkeys(portion) if e.id not in known]
        known.update(e.id for e in new)
        state.fold(batch_of(PLAN, new))
    wanted = canonical(state)
    assert running.facts(wanted) == wanted
    running.stop()

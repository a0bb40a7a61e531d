"""A stream with everything that two engines could see differently, as Kafka would hold it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from hypothesis import HealthCheck, Phase, given, seed, settings
from tests.events_made import LIMIT, STARTS, histories
from tests.model import DAY, Event

NOON = STARTS[1]
HOUR = 3_600_000
BORDERS = (6_000, 60_000, 240_000, 900_000, 3_600_000, DAY)
TIES = ["\uffff", "\U0001f600", "a", "ab", "a\uffff", "a\U0001f600", "é", "z"]
"""Ids at one moment; UTF-16 puts U+1F600 before U+FFFF, bytes behind it."""


def random_histories(n: int, which: int) -> list[list[Event]]:
    """Histories of the property tests, the same ones each time."""
    found: list[list[Event]] = []
    checks = list(HealthCheck)

    @seed(which)
    @settings(max_examples=n, database=None, derandomize=False, phases=[Phase.generate],
              deadline=None, suppress_health_check=checks)  # fmt: skip
    @given(histories())
    def collect(events: list[Event]) -> None:
        found.append(events)

    collect()
    return [renamed(events, f"h{at}.") for at, events in enumerate(found)]


def renamed(events: Sequence[Event], prefix: str) -> list[Event]:
    """The same events among people and things of their own."""

    def own(name: str | None) -> str | None:
        return None if name is None else prefix + name

    return [replace(e, user=own(e.user), session=own(e.session), item=own(e.item)) for e in events]


def borders() -> list[Event]:
    """A millisecond before, at and after the borders of tiles."""
    moments = {NOON // width * width + by for width in BORDERS for by in (-1, 0, 1)}
    return [
        Event(f"b{ts}", "view", ts, "b", "b", "bv", {"price": 5, "value": 7, "brand": "red"})
        for ts in sorted(moments)
    ]


def ties() -> list[Event]:
    """More events at one moment than any list holds, told apart by their ids alone."""
    kinds = ["view", "cart", "buy"]
    return [
        Event(f"{name}{kind}", kind, NOON, "t", "t", "tv", {"level": 1} if kind == "buy" else {})
        for name in TIES
        for kind in kinds
    ]


def extremes() -> list[Event]:
    """One hot key with the greatest and the least numbers: squares overflow what one sum holds."""
    values = [LIMIT, -LIMIT, LIMIT - 1, 1 - LIMIT, -1, 0, 1]
    return [
        Event(f"x{at}", kind, NOON - at % 3, f"x{at % 5}", "x", None,
              {"price": values[at % 7], "value": values[at % 5], "brand": None})
        for at in range(60)
        for kind in [("view", "buy")[at % 2]]
    ]  # fmt: skip


def crowd() -> list[Event]:
    """More people at one thing in one tile than a sketch keeps."""
    return [Event(f"c{at}", "view", NOON - at, f"c{at}", "c", f"cv{at}", {}) for at in range(330)]


def becoming_known() -> list[Event]:
    """A session without a user, then with one, with ids that both use; and one with no item."""
    anonymous = [Event(f"k{at}", "view", NOON + at, None, "k", "kv", {}) for at in range(3)]
    told = [Event("k-link", "identify", NOON + 3, "k", None, "kv")]
    known = [Event(f"k{at}", "view", NOON + 4 + at, "k", f"k{at}", "kv", {}) for at in range(3)]
    return [*anonymous, *told, *known, Event("k-none", "view", NOON, "k", None, None, {})]


def conflicting(events: Sequence[Event]) -> list[Event]:
    """Copies that say something else; delivered after the first, they count for nothing."""
    return [
        replace(e, ts=e.ts + 1, item=e.item and f"{e.item}-other", fields={**e.fields, "value": 99})
        for e in events
    ]


def stream(n_histories: int = 40, which: int = 1) -> tuple[list[Event], list[Event]]:
    """What is delivered, in order, and what of it counts: the first of each owner and id."""
    told = [e for history in random_histories(n_histories, which) for e in history]
    told += [*borders(), *ties(), *extremes(), *crowd(), *becoming_known()]
    dice = random.Random(which)
    copies = dice.sample(told, len(told) // 5)
    delivered = [*told, *copies, *conflicting(dice.sample(told, len(told) // 5))]
    dice.shuffle(delivered)
    first: dict[tuple[str | None, str], Event] = {}
    for event in delivered:
        first.setdefault((event.owner, event.id), event)
    return delivered, list(first.values())


def shopping(n: int) -> Iterator[Event]:
    """n events of three days, an hour out of order; a hundredth comes twice."""
    dice = random.Random(5)
    for at in range(n):
        kind = dice.choices(["view", "cart", "buy"], [85, 10, 5])[0]
        user, item = int(dice.random() ** 2 * 20_000), int(dice.random() ** 2 * 5_000)
        fields: dict[str, int | str | None] = {"item.category": f"c{item % 50}"}
        if kind == "buy":
            fields["price_cents"] = dice.randrange(1, 100_000)
        ts = NOON + at * 72 * HOUR // n + dice.randrange(HOUR)
        event = Event(f"{at:032x}", kind, ts, f"u{user}", f"i{item}", f"v{user}-{at * 5 // n}",
                      fields)  # fmt: skip
        yield event
        if dice.random() < 0.01:
            yield event

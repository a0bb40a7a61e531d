"""Reasons: what they count, how they name items, and when they say less."""

from __future__ import annotations

import msgspec
import pytest
from tests.batches import batch_of
from tests.model import Event

from afresh import App, Catalog, neighbours, sessions, trending
from afresh.stages.reasons import _span
from afresh.store.replica import Replica
from afresh.surface import Query, Surfaces

START, MINUTE, HOUR = 1_700_000_000_000, 60_000, 3_600_000
DAY = 24 * HOUR


class Drinks(Catalog):
    title: str
    kind: str


def reasons(
    steps: list[tuple[str, str, int]],
    *,
    title: str | None = None,
    most: int = 1000,
    scorer: str = "blend",
) -> dict[str, str]:
    """Of a visitor at `a`, after visits (who, item, ms ago): the reason of each item."""
    app = App("drinks", catalog=Drinks, postings_per_item=most)
    app.event("view")
    app.surface(
        "home", sources=[neighbours(), trending("24h", weight=0.01)], filters=[], title=title,
        scorer=scorer,
    )  # fmt: skip
    replica = Replica(app.plan())
    records = [{"item_id": "a", "title": "Espresso", "kind": "hot"}, {"item_id": "b"}]
    records += [{"item_id": item} for item in "cd"]
    replica.fold_items(b"\n".join(msgspec.json.encode(record) for record in records), 0)
    rows = sorted([*steps, ("me", "a", 0)], key=lambda row: -row[2])
    events = [Event(f"{n}", "view", START - ago, None, i, v) for n, (v, i, ago) in enumerate(rows)]
    replica.fold_events(batch_of(app.plan(), events), 0)
    surfaces = Surfaces(app.surfaces, replica)
    query = Query(session_id="me")
    answer = surfaces.recommend(query, START + 1)
    assert surfaces.recommend(query, START + 1) == answer
    listed = surfaces.rank(query, ["b", "c", "d"], START + 1)
    said = {item.item_id: item.reason for item in answer.items}
    for item in listed.items:
        if item.sources != ["request"]:
            assert item.reason == said[item.item_id]
    return said


def went(n: int, item: str, ago: int) -> list[tuple[str, str, int]]:
    """n visits that had `a`, and a second later `item`."""
    who = [f"{item} {at} {ago}" for at in range(n)]
    return [step for v in who for step in ((v, "a", ago), (v, item, ago - 1000))]


@pytest.mark.parametrize("scorer", ["blend", "learned"])
def test_a_reason_counts_the_visits_that_went_on_and_names_the_time(scorer: str) -> None:
    said = reasons(
        [*went(3, "b", 10 * MINUTE), *went(2, "c", MINUTE), *went(2, "c", 5 * HOUR)], scorer=scorer
    )
    assert said["b"] == "3 visits went on from Espresso to this in the last hour"
    assert said["c"] == "4 visits went on from Espresso to this in the last 24 hours"


def test_few_visits_are_counted_over_all_that_is_kept() -> None:
    said = reasons([*went(1, "b", 2 * DAY), *went(1, "c", MINUTE), *went(1, "c", 8 * DAY)])
    assert said["b"] == "1 visit went on from Espresso to this in the last 90 days"
    assert said["c"] == "2 visits went on from Espresso to this in the last 90 days"


def test_the_name_is_the_declared_field_or_the_id() -> None:
    steps = [*went(3, "b", MINUTE)]
    assert reasons(steps, title="kind")["b"].startswith("3 visits went on from hot to")
    # Somebody who looked at b, which has no title.
    turned = [("me", "b", 5), *((v, "a" if i == "b" else "b", ms) for v, i, ms in went(3, "c", 9))]
    said = reasons(
        [*turned, *[(f"x{n}", i, 50 - at) for n in range(3) for at, i in enumerate("bd")]]
    )
    assert said["d"] == "3 visits went on from b to this in the last hour"


def test_what_nobody_went_on_to_keeps_its_usual_reason() -> None:
    before = [(f"x{n}", item, MINUTE - at) for n in range(3) for at, item in enumerate("ba")]
    said = reasons([*before, ("alone", "c", MINUTE)])
    assert said["b"] == "People who did what you did went on to this"
    assert said["c"] == "Popular in the last 24h"
    assert said["d"] == "From the catalogue"


def test_where_more_may_have_gone_on_the_number_is_a_least_one() -> None:
    said = reasons(went(9, "b", MINUTE), most=4)
    assert said["b"] == "At least 3 visits went on from Espresso to this in the last hour"


@pytest.mark.parametrize(
    ("ms", "text"),
    [(HOUR, "hour"), (DAY, "24 hours"), (7 * DAY, "7 days"), (90 * MINUTE, "90 minutes"),
     (MINUTE, "minute"), (36 * HOUR, "36 hours"), (45_000, "45 seconds")],
)  # fmt: skip
def test_a_length_of_time_as_it_is_said(ms: int, text: str) -> None:
    assert _span(ms) == text


def test_a_surface_may_name_any_source_first() -> None:
    app = App("plain")
    app.event("view")
    app.surface("home", sources=[sessions()], filters=[])
    replica = Replica(app.plan())
    events = [
        Event(f"{v}{i}", "view", START + at, None, i, v)
        for v in ("x", "y", "z")
        for at, i in enumerate("ab")
    ]
    events.append(Event("mine", "view", START + 9, None, "a", "me"))
    replica.fold_events(batch_of(app.plan(), events), 0)
    answer = Surfaces(app.surfaces, replica).recommend(Query(session_id="me"), START + 10)
    said = {item.item_id: item.reason for item in answer.items}
    assert said["b"] == "3 visits went on from a to this in the last hour"

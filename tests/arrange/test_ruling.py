"""Whole requests with rules, page by page: nothing forbidden, nothing twice, pins, caps."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.everything import app
from tests.model import Event

from afresh.arrange.cursor import NOTHING, Shown, name_hashes
from afresh.arrange.rules import LONGEST, Boost, Cap, Diversity, Pin, Rules
from afresh.errors import BadRequest
from afresh.store.replica import Replica
from afresh.surface import Arranged, Query, Surfaces

PLAN = app.plan()
NOW = 1_767_603_600_000
ITEMS = [f"i{n}" for n in range(12)]
BRANDS = ["acme", "zeta", None]


def record(at: int, stock: bool) -> dict[str, Any]:
    made = {"item_id": ITEMS[at], "price": at, "grade": at, "in_stock": stock}
    return made if BRANDS[at % 3] is None else {**made, "brand": BRANDS[at % 3]}


def surfaces(stock: list[bool], viewed: list[str]) -> Surfaces:
    replica = Replica(PLAN)
    for at, there in enumerate(stock):
        replica.fold_items(msgspec.json.encode(record(at, there)), at)
    events = [
        Event(f"e{at}", "view", NOW - 1000 + at, f"v{at // 3}", item)
        for at, item in enumerate(viewed)
    ]
    if events:
        replica.fold_events(batch_of(PLAN, events), 100)
    return Surfaces(app.surfaces, replica)


def ids(answer: Arranged) -> list[str]:
    return [item.item_id for item in answer.items]


def pages(here: Surfaces, rules: Rules, n: int) -> list[Arranged]:
    out: list[Arranged] = []
    shown = NOTHING
    while not out or out[-1].more:
        out.append(here.recommend(Query(user_id="u", n=n, rules=rules), NOW, shown))
        hashes = name_hashes(here.replica.state.items, np.array(out[-1].numbers, np.int64))
        shown = shown.and_then(hashes, 0)
    return out


@settings(max_examples=80)
@given(
    st.lists(st.booleans(), min_size=12, max_size=12),
    st.lists(st.sampled_from(ITEMS), max_size=20),
    st.lists(st.sampled_from([*ITEMS, "unheard"]), max_size=3),
    st.none() | st.integers(0, 12),
    st.dictionaries(st.integers(0, 14), st.sampled_from([*ITEMS, "unheard"]), max_size=4),
    st.none() | st.integers(1, 3),
    st.none() | st.sampled_from([0.0, 0.5, 1.0]),
    st.integers(1, 7),
)
def test_rules_hold_on_every_page(
    stock: list[bool],
    viewed: list[str],
    exclude: list[str],
    below: int | None,
    pins: dict[int, str],
    most: int | None,
    weight: float | None,
    n: int,
) -> None:
    pins = {position: item for item, position in {i: p for p, i in pins.items()}.items()}
    rules = Rules(
        exclude=exclude,
        filter=None if below is None else f"price < {below}",
        pin=[Pin(item, position) for position, item in pins.items()],
        cap=[] if most is None else [Cap("brand", most)],
        diversity=None if weight is None else Diversity(["brand", "grade"], weight),
    )
    made = pages(surfaces(stock, viewed), rules, n)
    shown = [item for page in made for item in ids(page)]
    assert len(shown) == len(set(shown))
    assert most is not None or all(len(page.items) == n for page in made[:-1])

    there = {item for item, has in zip(ITEMS, stock, strict=True) if has} - set(exclude)
    standing = {position: item for position, item in pins.items() if item in there}
    organic = {i for i in there - set(pins.values()) if below is None or int(i[1:]) < below}
    assert set(shown) == organic | set(standing.values())
    expected = [item for item in shown if item in organic]
    for position in sorted(standing):
        expected.insert(position, standing[position])
    assert shown == expected
    for page in made:
        free = [i.item_id for i in page.items if i.sources != ["pinned"]]
        brands = [BRANDS[int(item[1:]) % 3] for item in free]
        assert most is None or all(brands.count(b) <= most for b in brands if b)
        assert page.degraded == []


def test_a_boost_moves_what_it_names() -> None:
    here = surfaces([True] * 12, ["i1", "i1", "i2", "i2", "i1", "i3"])
    plain = here.recommend(Query(user_id="x", n=3), NOW)
    assert ids(plain)[0] == "i1"
    rules = Rules(boost=[Boost("grade == context.grade", 100.0), Boost("grade == 1", 0.5)])
    answer = here.recommend(Query(user_id="x", n=3, rules=rules, context={"grade": 3}), NOW)
    assert ids(answer)[0] == "i3"
    by_id = {item.item_id: item.score for item in plain.items}
    scores = {item.item_id: item.score for item in answer.items}
    assert scores["i3"] == pytest.approx(100 * by_id["i3"], rel=1e-3)
    assert scores["i1"] == pytest.approx(0.5 * by_id["i1"], rel=1e-3)


def test_diversity_keeps_alike_items_apart() -> None:
    here = surfaces([True] * 12, ["i1", "i1", "i1", "i4", "i4", "i7", "i0"])  # three of one brand
    plain = ids(here.recommend(Query(user_id="x", n=4), NOW))
    assert plain == ["i1", "i4", "i0", "i7"]
    for weight, expected in ((1.0, plain), (0.3, ["i1", "i0"])):
        rules = Rules(diversity=Diversity(["brand"], weight))
        answer = here.recommend(Query(user_id="x", n=4, rules=rules), NOW)
        assert ids(answer)[: len(expected)] == expected


def test_what_each_rule_removed_is_counted() -> None:
    here = surfaces([True] * 10 + [False] * 2, ["i1", "i2", "i3"])
    rules = Rules(exclude=["i1"], filter="price < 5", pin=[Pin("i4", 0)], cap=[Cap("brand", 1)])
    answer = here.recommend(Query(user_id="x", n=12, rules=rules), NOW)
    assert ids(answer)[0] == "i4"
    assert answer.removed == {"available": 2, "exclude": 1, "pin": 1, "filter": 5, "cap": 1}


def test_a_pin_says_so_and_is_exempt_from_filter_and_cap() -> None:
    here = surfaces([True] * 12, [])
    rules = Rules(filter="grade > 8", pin=[Pin("i0", 1), Pin("i3", 0)], cap=[Cap("brand", 1)])
    answer = here.recommend(Query(n=4, rules=rules), NOW)
    assert ids(answer)[:2] == ["i3", "i0"]
    assert answer.items[0].sources == ["pinned"]
    assert answer.items[0].reason == "Pinned by the request"


@pytest.mark.parametrize(
    ("rules", "path", "said"),
    [
        (Rules(filter="grad < 5"), "$.rules.filter", "Did you mean grade?"),
        (Rules(boost=[Boost("true", 1), Boost("price", 2)]), "$.rules.boost[1].where", "yes or no"),
        (Rules(cap=[Cap("brnd", 1)]), "$.rules.cap[0].field", "Did you mean brand?"),
        (
            Rules(diversity=Diversity(["grad"])),
            "$.rules.diversity.fields[0]",
            "Did you mean grade?",
        ),
        (Rules(pin=[Pin("a", 3), Pin("b", 3)]), "$.rules.pin[1].position", "of its own"),
        (Rules(pin=[Pin("a", 3), Pin("a", 4)]), "$.rules.pin[1].item_id", "Leave one"),
    ],
)
def test_a_wrong_rule_says_where(rules: Rules, path: str, said: str) -> None:
    with pytest.raises(BadRequest) as caught:
        surfaces([True] * 12, []).recommend(Query(rules=rules), NOW)
    assert caught.value.path == path
    assert said in caught.value.hint


def test_the_list_ends_at_its_longest() -> None:
    here = surfaces([True] * 12, [])
    shown = Shown(np.arange(LONGEST - 2, dtype=np.uint64))
    assert len(here.recommend(Query(n=5), NOW, shown).items) == 2


def test_what_a_cap_holds_back_is_for_another_page() -> None:
    here = surfaces([True] * 12, [])
    answer = here.recommend(Query(n=9, rules=Rules(cap=[Cap("brand", 1)])), NOW)
    assert len(answer.items) == 6
    assert answer.more is True

"""Groups beside a list: what they are about, and that nothing on a page, or a later one, comes
twice or against the rules."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from textwrap import dedent

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.model import Event

from afresh import App, Catalog, available, because, seen, sessions, trending, trending_in
from afresh.arrange.cursor import NOTHING, name_hashes
from afresh.arrange.rules import Cap, Pin, Rules
from afresh.loading import check
from afresh.runtime import Runtime
from afresh.settings import load_settings
from afresh.store.replica import Replica
from afresh.surface import Arranged, Query, Surfaces

START = 1_700_000_000_000
NOW = START + 10_000
ITEMS = [f"i{n}" for n in range(24)]


class Goods(Catalog):
    title: str
    kind: str
    in_stock: bool = True


def shop(n: int, least: int, items: int = 4) -> App:
    app = App("groups", catalog=Goods)
    app.event("view")
    app.event("buy", 5)
    app.surface(
        "home", sources=[sessions(), trending("1h")],
        filters=[seen("buy"), available(Goods.in_stock)], n=n,
        groups=[because(n=2, items=items, least=least), trending_in(Goods.kind, least=least)],
    )  # fmt: skip
    return app


def opened(app: App, visits: list[list[str]], mine: list[str], gone: set[str]) -> Surfaces:
    replica = Replica(app.plan())
    records = [
        {
            "item_id": item,
            "title": f"Title {at}",
            "kind": f"k{at % 3}",
            "in_stock": item not in gone,
        }
        for at, item in enumerate(ITEMS)
    ]
    replica.fold_items(b"\n".join(msgspec.json.encode(record) for record in records), 0)
    events = [
        Event(f"{v}.{at}", "view", START + 100 * v + at, None, item, f"s{v}")
        for v, visit in enumerate(visits)
        for at, item in enumerate(visit)
    ]
    events += [
        Event(f"me.{at}", "view", START + 9000 + at, None, item, "me")
        for at, item in enumerate(mine)
    ]
    events.append(Event("bought", "buy", START + 8000, None, "i23", "me"))
    replica.fold_events(batch_of(app.plan(), events), 0)
    return Surfaces(app.surfaces, replica)


def grouped(answer: Arranged) -> list[str]:
    return [item.item_id for group in answer.groups for item in group.items]


def listed(answer: Arranged) -> list[str]:
    return [item.item_id for item in answer.items]


def test_groups_say_what_they_are_about() -> None:
    near = [["i0", f"i{n}"] for n in range(3, 9)] + [["i1", f"i{n}"] for n in range(9, 14)]
    trends = [["i16"], ["i19"], ["i19"], ["i17"], ["i20"]]  # k1, k1, k1, k2, k2
    surfaces = opened(shop(2, 2), near * 2 + trends * 20, ["i1", "i0"], set())
    answer = surfaces.recommend(Query(session_id="me"), NOW)
    assert [(group.title, group.item_id) for group in answer.groups] == [
        ("Because you looked at Title 0", "i0"),
        ("Because you looked at Title 1", "i1"),
        ("Trending in k1", None),
        ("Trending in k2", None),
    ]
    first, second, trend, _ = answer.groups
    assert {item.item_id for item in first.items} <= {f"i{n}" for n in range(3, 9)}
    assert {item.item_id for item in second.items} <= {f"i{n}" for n in range(9, 14)}
    assert {item.reason for item in first.items} == {
        "2 visits went on from Title 0 to this in the last 90 days"
    }
    assert all(item.sources == ["similar"] for item in first.items)
    assert all(int(item.item_id[1:]) % 3 == 1 for item in trend.items)
    assert all(item.reason == "Popular in the last 24h" for item in trend.items)


VISITS = st.lists(st.lists(st.sampled_from(ITEMS), min_size=1, max_size=8), max_size=25)


@settings(max_examples=60)
@given(
    VISITS, st.lists(st.sampled_from(ITEMS), max_size=4), st.sets(st.sampled_from(ITEMS)),
    st.lists(st.sampled_from(ITEMS), max_size=3), st.none() | st.integers(1, 4),
    st.dictionaries(st.integers(0, 9), st.sampled_from(ITEMS), max_size=3),
    st.integers(1, 6), st.integers(1, 4),
)  # fmt: skip
def test_nothing_comes_twice_and_the_rules_hold(
    visits: list[list[str]], mine: list[str], gone: set[str], exclude: list[str],
    most: int | None, pins: dict[int, str], n: int, least: int,
) -> None:  # fmt: skip
    surfaces = opened(shop(n, least), visits, mine, gone)
    pins = {at: item for item, at in {item: at for at, item in pins.items()}.items()}
    rules = Rules(
        exclude=exclude,
        cap=[Cap(field="kind", max=most)] if most else [],
        pin=[Pin(item_id=item, position=at) for at, item in pins.items()],
    )
    shown, seen_, pages = NOTHING, list[str](), list[Arranged]()
    while not pages or pages[-1].more:
        answer = surfaces.recommend(Query(session_id="me", rules=rules), NOW, shown)
        pages.append(answer)
        seen_ += listed(answer) + grouped(answer)
        numbers = np.array(answer.numbers + answer.beside, np.int64)
        hashes = name_hashes(surfaces.replica.state.items, numbers)
        shown = shown.and_then(hashes, len(answer.beside))
    assert len(seen_) == len(set(seen_))
    assert not set(seen_) & (gone | set(exclude))
    assert "i23" not in seen_ or "i23" in pins.values()
    assert not any(page.groups for page in pages[1:])
    assert all(least <= len(group.items) <= 4 or group.item_id is None for group in pages[0].groups)
    assert all(len(group.items) >= least for group in pages[0].groups)
    assert not set(grouped(pages[0])) & set(pins.values())
    if most:
        free = [i for i in listed(pages[0]) if i not in pins.values()] + grouped(pages[0])
        assert max(Counter(int(i[1:]) % 3 for i in free).values(), default=0) <= most
    # A pin stands where it was asked for, counted over the pages' lists alone; where these are too
    # short for it, at their end.
    flat = [item for page in pages for item in listed(page)]
    kept = sorted((at, i) for at, i in pins.items() if i not in gone and i not in exclude)
    others = len(set(flat) - {item for _, item in kept})
    for before, (at, item) in enumerate(kept):
        assert flat[min(at, others + before)] == item


def test_a_group_of_too_few_is_dropped_and_one_that_fails_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visits = [["i0", "i3"], ["i0", "i4"], ["i0", "i5"], ["i0", "i6"]]
    three = opened(shop(2, 3), visits, ["i0"], set()).recommend(Query(session_id="me"), NOW)
    assert [len(group.items) for group in three.groups] == [3]  # the list shows the fourth
    surfaces = opened(shop(2, 4), visits, ["i0"], set())
    assert surfaces.recommend(Query(session_id="me"), NOW).groups == []
    surfaces = opened(shop(2, 1), visits, ["i0"], set())
    monkeypatch.setattr("afresh.stages.groups.rules", None)
    answer = surfaces.recommend(Query(session_id="me"), NOW)
    assert answer.degraded[-1] == "group:because"
    assert all(group.item_id is None for group in answer.groups)


def test_a_replay_makes_the_same_groups_and_the_next_page_none(tmp_path: Path) -> None:
    runtime = Runtime.open(shop(2, 1), tmp_path, load_settings())
    now = runtime.replica.now()
    rows = [
        {"event_type": "view", "session_id": v, "item_id": item, "timestamp": now - 1000}
        for v, items in (("a", ITEMS[:9]), ("b", ITEMS[2:12]), ("me", ["i2"]))
        for item in items
    ]
    runtime.ingest(msgspec.json.encode(rows))
    answer = runtime.recommend(Query(session_id="me"))
    assert answer.groups
    assert answer.cursor is not None
    following = runtime.recommend(Query(session_id="me", cursor=answer.cursor))
    assert following.groups == []
    before = {i.item_id for g in answer.groups for i in g.items} | {i.item_id for i in answer.items}
    assert following.items
    assert not before & {item.item_id for item in following.items}
    said = runtime.explain(answer.request_id, replay=True)
    assert said.replay is not None
    assert said.replay.same
    runtime.close()


def test_mistakes_in_groups(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    body = """
        from afresh import *
        app = App("test")
        class Goods(Catalog):
            kind: str
            price: int
        view = app.event("view")
        app.surface("right", groups=[because(), trending_in(Goods.kind, window="2d")])
        app.surface("many", groups=[because(n=11, items=3, least=4)])
        app.surface("none", groups=[trending_in("knd")], title="price")
        app.surface("kind", groups=[trending_in(Goods.price, window="soon")])
        """
    path.write_text(dedent(body).lstrip("\n"), encoding="utf-8")
    assert [(p.line, p.message) for p in check(path)] == [
        (8, "because has least=4"),
        (8, "because has n=11"),
        (9, "Goods has no field 'knd'"),
        (9, "title needs a text field; price is int"),
        (10, "'soon' is not a length of time"),
        (10, "trending_in needs a text field; price is int"),
    ]

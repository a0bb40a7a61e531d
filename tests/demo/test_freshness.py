"""The walk of last visits: what each lateness knows, against servers that know no more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.opened import AGES, Opened, event, now, post, put

from afresh.demo.freshness import LATE_MS, LEAST, PACE_MS, Worth, _last_visit, worth
from afresh.loading import load
from afresh.request import Query
from afresh.runtime import Runtime

MINUTE = 60_000


DEFINITION = """
from afresh import App, Catalog, neighbours, seen
app = App("walked")
class Products(Catalog):
    title: str
buy = app.event("buy", 10)
app.surface("home", sources=[neighbours()], filters=[seen(buy)], n=20, scorer="learned")
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The demo's home, less its trends."""
    file = tmp_path / "shop.py"
    file.write_text(DEFINITION)
    return file


def opened_shop(folder: Opened, shop: Path) -> Runtime:
    runtime = folder(load(shop), AGES)
    for n in range(60):
        put(runtime, f"i{n}", title=f"thing {n}")
    return runtime


def basket(runtime: Runtime, household: str, items: list[str], at: int) -> None:
    """One receipt: a session of its own, its lines with one stamp."""
    said = {"event_type": "buy", "user_id": household, "session_id": f"{household}-{at}"}
    for item in items:  # with its id, a line has the same place among those of its stamp again
        post(
            runtime, event(**said, item_id=item, timestamp=at, event_id=f"{household}-{at}-{item}")
        )


def others(runtime: Runtime, at: int, seed: int = 5) -> None:
    """Sixty baskets in which things near each other go together."""
    draw = np.random.default_rng(seed)
    for n in range(60):
        start = int(draw.integers(0, 60))
        near = [f"i{(start + int(step)) % 60}" for step in draw.permutation(12)[:5]]
        basket(runtime, f"o{n}", near, at - (n + 120) * MINUTE)


VISIT = [f"i{n}" for n in range(10, 22)]


def test_a_list_on_time_is_what_a_server_would_have_shown(tmp_path: Path, shop: Path) -> None:
    at = now() - 1000
    whole = Opened(tmp_path / "whole")
    runtime = opened_shop(whole, shop)
    others(runtime, at)
    basket(runtime, "h1", ["i11", "i40"], at - 600 * MINUTE)
    basket(runtime, "h1", VISIT, at)
    drawn, _, when = _last_visit(runtime, "h1")
    walk = runtime.replica.state.items.texts(drawn)
    assert sorted(walk) == sorted(VISIT)
    assert when == at
    found = worth(runtime, "h1")
    assert found.asked == len(VISIT) - 1, "one had been bought before"
    whole.leave()

    served = Opened(tmp_path / "served")
    runtime = opened_shop(served, shop)
    others(runtime, at)
    basket(runtime, "h1", ["i11", "i40"], at - 600 * MINUTE)
    shown = [served_list(runtime, None)]
    for place, item in enumerate(walk):
        said = {"event_type": "buy", "user_id": "h1", "session_id": "visit", "item_id": item}
        post(runtime, event(**said, timestamp=at + place - len(walk)))
        shown.append(served_list(runtime, "visit"))
    served.leave()
    new = [(place, item) for place, item in enumerate(walk) if item != "i11"]
    for late, hits in zip(LATE_MS, found.hits, strict=True):
        known = [max(0, place - late // PACE_MS) for place, _ in new]
        wanted = sum(item in shown[k] for k, (_, item) in zip(known, new, strict=True))
        assert hits == wanted, late
    assert found.hits[0] > found.hits[-1] + 2, "these visits can tell a late list from one on time"


def served_list(runtime: Runtime, session: str | None) -> set[str]:
    """What is recommended by sources; not what only fills the list up."""
    items = runtime.recommend(Query(user_id="h1", session_id=session)).items
    return {item.item_id for item in items if item.sources != ["catalogue"]}


def test_nothing_is_known_of_the_visit_but_what_has_come(opened: Opened, shop: Path) -> None:
    """Nobody else ever bought these: only the visit itself could tell what comes next."""
    runtime, at = opened_shop(opened, shop), now() - 1000
    basket(runtime, "h1", ["i50", "i51"], at - 600 * MINUTE)
    basket(runtime, "h1", VISIT, at)
    assert worth(runtime, "h1") == Worth(LATE_MS, [0, 0, 0, 0], len(VISIT))


@pytest.mark.parametrize("lines", [0, LEAST - 1])
def test_a_household_without_a_visit_is_asked_nothing(
    opened: Opened, shop: Path, lines: int
) -> None:
    runtime = opened_shop(opened, shop)
    if lines:
        basket(runtime, "h1", VISIT[:lines], now() - 1000)
    assert worth(runtime, "h1") == Worth(LATE_MS, [0, 0, 0, 0], 0)


def test_what_others_bought_meanwhile_comes_as_late(opened: Opened, shop: Path) -> None:
    """A pair first bought half an hour before the visit is known to all but the last."""
    runtime, at = opened_shop(opened, shop), now() - 1000
    for n in range(3):
        basket(runtime, f"o{n}", ["i30", *VISIT], at - 30 * MINUTE)
    basket(runtime, "h1", ["i30", "i31"], at - 600 * MINUTE)
    basket(runtime, "h1", VISIT, at)
    found = worth(runtime, "h1")
    assert found.hits[0] == found.hits[2] == len(VISIT)
    assert found.hits[3] == 0

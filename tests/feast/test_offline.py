"""get_historical_features of the real Feast: what `as_of` says of each row."""

from __future__ import annotations

import random
from typing import Any

import pytest
from tests.feast.conftest import FeastError, Shop
from tests.feast.test_online import spoken
from tests.opened import event, now

pytestmark = pytest.mark.engine
MINUTE = 60_000
NAMES = {
    "item_id": ["past1", "past2", "nothing"],
    "user_id": ["paul", "pia", "s:past", "nobody"],
    "session_id": ["past", "none"],
    "brand": ["green"],
}


@pytest.fixture(scope="module")
def moments(shop: Shop) -> list[int]:
    """Moments on, before and after events and borders of tiles, out of order and some twice."""
    chance, newest = random.Random(7), now() // MINUTE * MINUTE
    events = []
    for number in range(60):
        kind = chance.choice(["view", "view", "cart", "buy"])
        at = newest - chance.choice([1, 3, 20, 300]) * MINUTE - chance.choice([0, 1, 15_926])
        said: dict[str, Any] = {"price": f"{chance.randint(1, 900) / 100:.2f}", "brand": "green"}
        who = chance.choice(["paul", "pia", None])
        one = event(event_id=f"past{number}", event_type=kind, timestamp=at, properties=said)
        events.append(one | {"item_id": chance.choice(["past1", "past2"]), "user_id": who})
        if who is None or chance.random() < 0.3:
            events[-1]["session_id"] = "past"
    linked = newest - 10 * MINUTE
    events.append(
        {"event_type": "identify", "user_id": "pia", "session_id": "past", "timestamp": linked}
    )
    shop.post(*events)
    times = [each["timestamp"] + off for each in events[::6] for off in (-1, 0, 1)]
    times += [linked, linked + 1, newest, newest - MINUTE, newest - 6 * 60 * MINUTE]
    return [*times, *times[:2]]


def rows_of(key: str, moments: list[int]) -> list[dict[str, Any]]:
    return [{key: name, "event_timestamp": at} for at in moments for name in NAMES[key]]


@pytest.mark.parametrize("key", list(NAMES))
def test_every_row_is_as_of_its_own_moment(shop: Shop, moments: list[int], key: str) -> None:
    features = [f for f in shop.served.runtime.plan.features if f.key == key]
    views = {f: v for v, fields in shop.feast.call("declared")["views"].items() for f in fields}
    refs = [f"{views[feature.name]}:{feature.name}" for feature in features]
    said = shop.feast.call("historical", features=refs, rows=rows_of(key, moments))["columns"]
    wanted: dict[str, list[Any]] = {key: [], **{feature.name: [] for feature in features}}
    for at in moments:
        for row in shop.rows(key, NAMES[key], as_of=at):
            for name, value in row.items():
                wanted[name].append(spoken(value))
    assert said == wanted
    assert any(len(set(map(str, column))) > 2 for column in said.values())


def test_rows_may_have_several_keys_and_columns_of_their_own(
    shop: Shop, moments: list[int]
) -> None:
    at = moments[0]
    row = {"item_id": "past1", "user_id": "pia", "label": 7, "event_timestamp": at}
    said = shop.feast.call(
        "historical", features=["by_item:days", "by_user:recent"], rows=[row], full=True
    )
    (item,), (user,) = (
        shop.rows("item_id", ["past1"], as_of=at),
        shop.rows("user_id", ["pia"], as_of=at),
    )
    assert said["columns"] == {
        "item_id": ["past1"], "user_id": ["pia"], "label": [7],
        "by_item__days": [item["days"]], "by_user__recent": [user["recent"]],
    }  # fmt: skip
    assert list(said["pandas"])[-2:] == ["by_item__days", "by_user__recent"]


def test_a_service_gives_columns_of_the_declared_types(shop: Shop, moments: list[int]) -> None:
    rows = [{"item_id": "past1", "event_timestamp": moments[0]}]
    said = shop.feast.call("historical", features="by_item", rows=rows, service=True)
    assert said["types"]["days"] == "int64"
    assert said["types"]["average"] == "float"
    rows = [{"user_id": "paul", "event_timestamp": moments[0]}]
    said = shop.feast.call("historical", features="by_user", rows=rows, service=True)
    assert said["types"]["recent"] == "list<item: string>"
    assert said["types"]["taste"] == "map<string, float>"
    assert said["types"]["grades"] == "map<string, int64>"
    assert said["pandas"]["grades"] == "dict"


def test_what_is_missing_in_the_rows_is_said(shop: Shop) -> None:
    at = now()
    for row, what in (
        ({"user_id": "u", "event_timestamp": at}, "no column 'item_id'"),
        ({"item_id": 7, "event_timestamp": at}, "other than text"),
    ):
        with pytest.raises(FeastError, match=what):
            shop.feast.call("historical", features=["by_item:days"], rows=[row])

"""get_online_features of the real Feast: what the server says at the same moment."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.feast.conftest import FeastError, Shop
from tests.opened import event, now

pytestmark = pytest.mark.engine

NAMES = {
    "item_id": ["i", "j", "nothing", "i", "\U0001f600"],
    "user_id": ["u", "ann", "s:visit", "nobody"],
    "session_id": ["visit", "other", "none"],
    "brand": ["red", "blue", ""],
    "item.category": ["shoes", "hats"],
}
TRIES = 20


@pytest.fixture(scope="module", autouse=True)
def _events(shop: Shop) -> None:
    item = {"category": "shoes", "brand": "x", "price": "12.50", "grade": 3, "fragile": False}
    assert shop.served.client.put("/v1/items/i", json=item).status_code < 300
    price = {"price": 3, "brand": "red", "gift": True}
    bought = {"price": "5.25", "brand": "red", "level": 2}
    shop.post(
        event(properties=price, value="1.5"),
        event(properties=price | {"price": "0.10"}, timestamp=now() - 70_000),
        event(item_id="j", user_id=None, session_id="visit", properties={"brand": "blue"}),
        event(event_type="buy", session_id="other", properties=bought, value=7),
        event(item_id="\U0001f600", user_id="ann"),
        event(event_type="cart", user_id="ann", item_id="i", properties={"level": -3}),
        {"event_type": "identify", "user_id": "ann", "session_id": "visit", "timestamp": now()},
    )


def spoken(value: Any) -> Any:
    """A value of the server's as Feast has it: numbers that are no integers are float32."""
    if isinstance(value, dict):
        return {name: spoken(inner) for name, inner in value.items()}
    return float(np.float32(value)) if isinstance(value, float) else value


def same(shop: Shop, key: str, names: list[str], features: list[str] | None = None) -> Any:
    """What Feast says of entities, found equal to what the server says before and after."""
    plan = shop.served.runtime.plan
    wanted = features or [f.name for f in plan.features if f.key == key]
    views = {f: v for v, fields in shop.feast.call("declared")["views"].items() for f in fields}
    refs = [f"{views[name]}:{name}" for name in wanted]
    rows = [{key: name} for name in names]
    for _ in range(TRIES):
        before = shop.rows(key, names, features=wanted)
        said = shop.feast.call("online", features=refs, rows=rows)
        if before == shop.rows(key, names, features=wanted):
            break
    else:
        raise AssertionError("the values do not keep still")
    columns = {name: [spoken(row[name]) for row in before] for name in (key, *wanted)}
    assert said["values"] == columns
    return said


@pytest.mark.parametrize("key", list(NAMES))
def test_every_feature_of_every_key_is_as_the_server_says(shop: Shop, key: str) -> None:
    names = [name for name in NAMES[key] if name]
    said = same(shop, key, names)
    assert abs(said["timestamps"][0] - now()) < 60_000


def test_a_click_is_there_as_soon_as_it_is_in_the_store(shop: Shop) -> None:
    before = same(shop, "item_id", ["fresh"])["values"]["minute"]
    shop.post(event(item_id="fresh"))
    assert before == [0]
    assert same(shop, "item_id", ["fresh"])["values"]["hour"] == [0]
    assert same(shop, "item_id", ["fresh"], ["days"])["values"]["days"] == [1]


def test_null_is_told_from_nothing(shop: Shop) -> None:
    present, null = 1, 2
    said = same(shop, "item_id", ["nothing"], ["days", "cheapest", "average"])
    assert said["values"]["days"] == [0]
    assert said["values"]["cheapest"] == [None]
    assert said["statuses"] == {
        "item_id": [present], "days": [present], "cheapest": [null], "average": [null],
    }  # fmt: skip


def test_a_service_reads_views_of_several_keys_at_once(shop: Shop) -> None:
    rows = [{key: names[0] for key, names in NAMES.items()}]
    said = shop.feast.call("online", features="everything", rows=rows, service=True)["values"]
    assert set(said) >= {feature.name for feature in shop.served.runtime.plan.features}
    assert said["recent"] == [shop.rows("user_id", ["u"])[0]["recent"]]


def test_one_view_of_two_columns_of_a_row(shop: Shop) -> None:
    row = {"left": "i", "right": "nothing"}
    online, offline = shop.feast.call("aliased", keys=list(row), row=row)
    told = dict(zip(row.values(), shop.rows("item_id", list(row.values())), strict=True))
    wanted = row | {
        f"of_{column}__{name}": spoken(told[item][name])
        for column, item in row.items()
        for name in ("days", "cheapest")
    }
    assert online == offline == wanted


def test_one_entity_after_another_gives_the_same(shop: Shop) -> None:
    names = ["u", "ann", "nobody"]
    read = shop.feast.call("one_by_one", view="by_user", key="user_id", names=names)
    whole = same(shop, "user_id", names, ["recent", "grades", "spent", "visit_low"])["values"]
    for name in ("recent", "grades", "spent", "visit_low"):
        assert [row[name] for row in read] == whole[name]


@pytest.mark.parametrize(
    ("feature", "values"),
    [
        ("days", [0, 1, 127, None, 128, 2**14 - 1, 2**14, 2**31, 2**62, 2**63 - 1]),
        ("days", [-1, None, -(2**40), -(2**63), 0]),
        ("days", [None, None]),
        ("days", [5]),
        ("days", list(range(300))),
        ("hour", [0.0, -0.5, None, 3.4028234663852886e38, 1.401298464324817e-45]),
        ("hour", [None]),
        ("hour", []),
    ],
)
def test_a_column_of_any_numbers_is_read_as_it_was_meant(
    shop: Shop, feature: str, values: list[Any]
) -> None:
    said = shop.feast.call("message", values=values, feature=feature, now=1_790_000_000_123)
    assert said["values"] == values
    assert said["statuses"] == [2 if value is None else 1 for value in values]
    assert said["timestamps"] == [1_790_000_000_123] * len(values)


def test_values_are_not_written(shop: Shop) -> None:
    with pytest.raises(FeastError, match="nothing to materialize"):
        shop.feast.call("materialize")
    row = {"session_id": "v", "steps": ["i"], "paid": 1.0, "fading_paid": 1.0}
    with pytest.raises(FeastError, match="The values of by_session come from events"):
        shop.feast.call("write", view="by_session", rows=[row])


def test_a_view_that_the_definition_lacks_is_not_applied(shop: Shop) -> None:
    shop.feast.call("update", fields=["steps", "paid"])
    with pytest.raises(FeastError, match="no feature 'gone', of the view by_session"):
        shop.feast.call("update", fields=["steps", "gone"])


def test_events_are_pushed_once_and_values_follow(shop: Shop) -> None:
    row = {"event_id": "p1", "event_type": "buy", "user_id": "pusher", "item_id": "pushed"}
    row |= {"session_id": None, "value": "9.99", "event_timestamp": now()}
    row |= {"properties": '{"price": "1.25", "level": 4}'}
    again = row | {"event_id": "p2", "value": None, "properties": None}
    for _ in range(2):
        shop.feast.call("push", rows=[row, again])
    shop.settle()
    said = same(shop, "item_id", ["pushed"], ["days", "worth"])["values"]
    assert said["days"] == [2]
    assert said["worth"] == [float(np.float32(9.99))]


def test_an_event_that_does_not_fit_is_named_and_harms_no_other(shop: Shop) -> None:
    good = {"event_id": "g1", "event_type": "view", "user_id": "g", "item_id": "good"}
    good |= {"session_id": None, "value": None, "properties": None, "event_timestamp": now()}
    bad = good | {"event_id": "b1", "event_type": "glance"}
    with pytest.raises(
        FeastError, match="refused 1 of 2 events; the first is row 1: unknown_event"
    ):
        shop.feast.call("push", rows=[good, bad])
    shop.settle()
    assert same(shop, "item_id", ["good"], ["days"])["values"]["days"] == [1]


def test_events_are_not_read_back(shop: Shop) -> None:
    with pytest.raises(FeastError, match="pushed, and not read back"):
        shop.feast.call("online", features=["events:value"], rows=[{"event_id": "p1"}])


def test_who_is_meant_has_to_be_said(shop: Shop) -> None:
    rows = [{"item_id": "i"}]
    with pytest.raises(FeastError, match="needs 'user_id' of each row"):
        shop.feast.call("online", features=["by_item:days", "by_user:recent"], rows=rows)

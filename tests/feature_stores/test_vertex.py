"""Vertex AI is asked as its REST reference says; it was never called itself."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.everything import app as everything
from tests.scripted import ANY, Scripted, scripted

from afresh.errors import AfreshError, BadRequest, Unavailable
from afresh.feature_stores import FeatureStore, vertex
from afresh.feature_stores.vertex import Vertex
from afresh.loading import load

PLAN = load(Path(__file__).parents[2] / "examples" / "shop.py").plan()
NOW, SAID = 1_790_000_000_123, "2026-09-21T14:13:20.123Z"
STORE = "/v1/projects/p/locations/europe-west1/featureOnlineStores/online"
VIEWS = f"{STORE}/featureViews"
VIEW = f"{VIEWS}/shop_user_now"
ROW: dict[str, Any] = {
    "user_id": "u1",
    "recent": ["i2", "i\u00e9"],
    "categories": {"shoes": 1.5, "": 1},
    "spend": 250,
    "cheapest": None,
    "dearest": 99,
    "price_bands": {},
}
VALUES: dict[str, dict[str, Any]] = {
    "moment_ms": {"int64Value": str(NOW)},
    "recent": {"stringValue": '["i2", "i\u00e9"]'},
    "categories": {"stringValue": '{"shoes": 1.5, "": 1}'},
    "spend": {"doubleValue": 250.0},
    "cheapest": {"doubleValue": "NaN"},
    "dearest": {"doubleValue": 99.0},
    "price_bands": {"stringValue": "{}"},
}
AT = {"metadata": {"generateTime": SAID}}
FEATURES = [{"name": name, "value": AT | value} for name, value in VALUES.items()]
HELD = {"keyValues": {"features": FEATURES}}
NOBODY = {"error": {"code": 404, "message": "not found", "status": "NOT_FOUND"}}


@pytest.fixture
def http() -> Iterator[Scripted]:
    with scripted() as made:
        yield made


def opened(url: str, **more: Any) -> Vertex:
    places = {"project": "p", "location": "europe-west1", "store": "online"}
    said = {**places, "dataset": "p.features", "token": "a-secret", "url": url}
    return Vertex(PLAN, **(said | more))


@pytest.fixture
def store(http: Scripted) -> Iterator[Vertex]:
    made = opened(http.url)
    yield made
    made.close()


def written(*names: str) -> dict[str, Any]:
    entries = [{"dataKey": {"key": name}, "features": FEATURES} for name in names]
    return {"dataKeyAndFeatureValues": entries}


def confirmed(*names: str) -> dict[str, Any]:
    keys = [{"dataKey": {"key": name}, "onlineStoreWriteTime": SAID} for name in names]
    return {"status": {}, "writeResponses": keys}


def asked(name: str) -> dict[str, Any]:
    return {"dataKey": {"key": name}, "dataFormat": "KEY_VALUE"}


def rows(*names: str) -> list[dict[str, Any]]:
    return [ROW | {"user_id": name} for name in names]


def test_views_are_made_unless_they_are_there(
    http: Scripted, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vertex, "POLL_S", 0.0)
    operation = "projects/1/locations/europe-west1/operations/7"
    there = {"error": {"code": 409, "message": "exists", "status": "ALREADY_EXISTS"}}

    def source(name: str, column: str) -> dict[str, Any]:
        return {"bigQuerySource": {"uri": f"bq://p.features.{name}", "entityIdColumns": [column]}}

    def query(name: str) -> dict[str, str]:
        return {"featureViewId": name, "runSyncImmediately": "true"}

    http.expect(
        "POST", VIEWS, source("shop_item_pulse", "item_id"), there, status=409,
        query=query("shop_item_pulse"),
    )  # fmt: skip
    http.expect(
        "POST", VIEWS, source("shop_user_now", "user_id"), {"name": operation},
        query=query("shop_user_now"),
    )  # fmt: skip
    http.expect("GET", f"/v1/{operation}", answer={"name": operation, "metadata": {}})
    http.expect("GET", f"/v1/{operation}", answer={"name": operation, "done": True, "response": {}})
    assert store.declare() == ["shop_user_now"]
    assert {headers["authorization"] for headers in http.headers} == {"Bearer a-secret"}


def test_a_view_that_is_not_made_is_said(
    http: Scripted, store: Vertex, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = {"code": 3, "message": "There is no such table."}
    http.expect("POST", VIEWS, ANY, {"name": "operations/1", "done": True, "error": error})
    with pytest.raises(Unavailable, match="There is no such table"):
        store.declare()
    http.expect("POST", VIEWS, ANY, {"error": {"code": 403, "message": "No."}}, status=403)
    with pytest.raises(Unavailable, match="403"):
        store.declare()
    monkeypatch.setattr(vertex, "PATIENCE_S", -1.0)
    http.expect("POST", VIEWS, ANY, {"name": "operations/1"})
    with pytest.raises(Unavailable, match="operations/1 is not done yet"):
        store.declare()


def test_values_are_written_a_hundred_entities_at_a_time(http: Scripted, store: Vertex) -> None:
    names = [f"u{number}" for number in range(101)]
    http.expect("POST", f"{VIEW}:directWrite", written(*names[:100]), confirmed(*names[:100]))
    http.expect("POST", f"{VIEW}:directWrite", written("u100"), confirmed("u100"))
    store.push("user_id", rows(*names), NOW)
    assert {headers["content-type"] for headers in http.headers} == {"application/json"}


def test_what_failed_of_a_call_is_said(http: Scripted, store: Vertex) -> None:
    failed = confirmed("u2") | {"status": {"code": 3, "message": "There is no feature spend."}}
    http.expect("POST", f"{VIEW}:directWrite", written("u1", "u2"), [confirmed("u1"), failed])
    with pytest.raises(
        Unavailable, match="1 entities of shop_user_now were not written: There is no feature"
    ):
        store.push("user_id", rows("u1", "u2"), NOW)
    http.expect("POST", f"{VIEW}:directWrite", written("u1", "u2"), confirmed("u1"))
    with pytest.raises(Unavailable, match="1 writes were not confirmed"):
        store.push("user_id", rows("u1", "u2"), NOW)


@pytest.mark.parametrize("said", ["done", [7], {"writeResponses": [{"dataKey": "u1"}]}, {}])
def test_a_write_is_done_only_when_that_is_said(http: Scripted, store: Vertex, said: Any) -> None:
    http.expect("POST", f"{VIEW}:directWrite", ANY, said)
    with pytest.raises(Unavailable):
        store.push("user_id", [ROW], NOW)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_a_refusal_is_said_without_the_token(http: Scripted, store: Vertex, status: int) -> None:
    said = {"error": {"code": status, "message": "It may not be."}}
    http.expect("POST", f"{VIEW}:directWrite", ANY, said, status=status)
    with pytest.raises(Unavailable, match=f"{status}.*It may not be") as caught:
        store.push("user_id", [ROW], NOW)
    assert "a-secret" not in str(caught.value)
    assert caught.value.hint


def test_values_are_read_back_as_they_were(http: Scripted, store: Vertex) -> None:
    http.expect("POST", f"{VIEW}:fetchFeatureValues", asked("none"), NOBODY, status=404)
    http.expect("GET", VIEW, answer={"name": VIEW[4:]})
    http.expect("POST", f"{VIEW}:fetchFeatureValues", asked("gone"), NOBODY, status=404)
    http.expect("POST", f"{VIEW}:fetchFeatureValues", asked("u1"), HELD)
    got = store.read("user_id", ["none", "gone", "u1", "none", "u1"])
    assert got == [None, None, ROW, None, ROW]
    assert isinstance(got[2]["spend"], int)


def test_who_was_never_pushed_is_nobody(http: Scripted, store: Vertex) -> None:
    """As after a sync of BigQuery only, or in a view that answers for everybody."""
    http.expect("POST", f"{VIEW}:fetchFeatureValues", asked("u1"), {"keyValues": {}})
    synced = {"keyValues": {"features": FEATURES[1:]}}
    http.expect("POST", f"{VIEW}:fetchFeatureValues", asked("u2"), synced)
    assert store.read("user_id", ["u1", "u2"]) == [None, None]


def test_a_view_that_is_not_there_is_no_lack_of_values(http: Scripted, store: Vertex) -> None:
    http.expect("POST", f"{VIEW}:fetchFeatureValues", asked("u1"), NOBODY, status=404)
    http.expect("GET", VIEW, answer=NOBODY, status=404)
    with pytest.raises(Unavailable, match="404"):
        store.read("user_id", ["u1"])


@pytest.mark.parametrize(
    ("said", "status"), [([], 200), ({"keyValues": {"features": [7]}}, 200), ({}, 503)]
)
def test_an_answer_of_another_shape_is_no_value(
    http: Scripted, store: Vertex, said: Any, status: int
) -> None:
    http.expect("POST", f"{VIEW}:fetchFeatureValues", asked("u1"), said, status=status)
    with pytest.raises(Unavailable):
        store.read("user_id", ["u1"])


def test_the_tables_have_every_feature() -> None:
    store = opened("https://europe-west1-aiplatform.googleapis.com")
    assert (
        "CREATE TABLE IF NOT EXISTS `p.features.shop_item_pulse` (\n"
        "  `item_id` STRING NOT NULL,\n"
        "  `moment_ms` INT64,\n"
        "  `views_now` FLOAT64,\n"
        "  `views_hour` FLOAT64,\n"
        "  `views_week` FLOAT64,\n"
        "  `conversion` FLOAT64\n"
        ");\n"
    ) in store.sources()
    assert "`categories` STRING" in store.sources()
    plan = everything.plan()
    places = {"project": "p", "location": "l", "store": "s", "dataset": "p.d", "token": "t"}
    text = Vertex(plan, **places).sources()
    assert [f.name for f in plan.features if f"`{f.name}` " not in text] == []


def test_a_key_with_a_dot_is_a_column_without(http: Scripted) -> None:
    places = {"project": "p", "location": "europe-west1", "store": "online", "dataset": "p.d"}
    store = Vertex(everything.plan(), **places, token="t", url=http.url)
    row = {"item.category": "shoes", "sold": 3, "levels": None}
    view = f"{VIEWS}/everything_by_category"
    http.expect("POST", f"{view}:directWrite", ANY, confirmed("shoes"))
    store.push("item.category", [row], NOW)
    (entry,) = http.bodies[0]["dataKeyAndFeatureValues"]
    held = {"keyValues": {"features": entry["features"]}}
    http.expect("POST", f"{view}:fetchFeatureValues", asked("shoes"), held)
    assert store.read("item.category", ["shoes"]) == [row]
    store.close()
    assert "`item_category` STRING NOT NULL" in store.sources()


def test_a_token_is_asked_for_at_each_call(http: Scripted) -> None:
    tokens = iter(("first", "second"))
    store = opened(http.url, token=lambda: next(tokens))
    for _ in range(2):
        http.expect("POST", f"{VIEW}:directWrite", ANY, confirmed("u1"))
        store.push("user_id", [ROW], NOW)
    store.close()
    assert [headers["authorization"] for headers in http.headers] == [
        "Bearer first",
        "Bearer second",
    ]
    with pytest.raises(AfreshError, match="needs a token"):
        opened(http.url, token="")


def test_a_server_that_says_nothing_is_not_waited_for_long() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = opened(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.1)
        with pytest.raises(Unavailable, match="Timeout") as caught:
            store.push("user_id", [ROW], NOW)
        store.close()
    assert "a-secret" not in str(caught.value)


def test_a_key_field_without_features_is_refused(store: Vertex) -> None:
    with pytest.raises(BadRequest):
        store.push("session_id", [{"session_id": "s1"}], NOW)
    with pytest.raises(BadRequest):
        store.read("session_id", ["s1"])

"""Tecton is asked as its documentation and its own clients say; it was never called itself."""

from __future__ import annotations

import ast
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.everything import app as everything
from tests.scripted import ANY, Scripted, scripted

from afresh.errors import AfreshError, BadRequest, MissingDependency, Unavailable
from afresh.feature_stores import FeatureStore
from afresh.feature_stores.tecton import Tecton
from afresh.loading import load

PLAN = load(Path(__file__).parents[2] / "examples" / "shop.py").plan()
NOW, SAID = 1_790_000_000_123, "2026-09-21T14:13:20.123Z"
KEY = "a-secret"
SERVING = "/api/v1/feature-service"
NAMED = {"feature_service_name": "shop_user_id", "workspace_name": "prod"}
ROW: dict[str, Any] = {
    "user_id": "u1",
    "recent": ["i2", "i\u00e9"],
    "categories": {"shoes": 1.5, "": 1},
    "spend": 250,
    "cheapest": None,
    "dearest": 99,
    "price_bands": {},
}
RECORD = ROW | {
    "timestamp": SAID,
    "moment_ms": NOW,
    "recent": '["i2", "i\u00e9"]',
    "categories": '{"shoes": 1.5, "": 1}',
    "price_bands": "{}",
}
VALUES = ["moment_ms", "recent", "categories", "spend", "cheapest", "dearest", "price_bands"]
TYPES = ["int64", "string", "string", "int64", "int64", "int64", "string"]
METADATA = {
    "features": [
        {"name": f"shop_user_now.{name}", "dataType": {"type": kind}}
        for name, kind in zip(VALUES, TYPES, strict=True)
    ]
}
HELD = [str(NOW), '["i2", "i\u00e9"]', '{"shoes": 1.5, "": 1}', "250", None, "99", "{}"]


@pytest.fixture
def http() -> Iterator[Scripted]:
    with scripted() as made:
        yield made


@pytest.fixture
def store(http: Scripted) -> Iterator[Tecton]:
    made = Tecton(PLAN, url=http.url, workspace="prod", key=KEY)
    yield made
    made.close()


def ingest(records: list[dict[str, Any]], name: str = "shop_user_now") -> dict[str, Any]:
    held = {name: [{"record": record} for record in records]}
    return {"workspace_name": "prod", "dry_run": False, "records": held}


def asked(*names: str) -> dict[str, Any]:
    options = {"include_names": True, "include_data_types": True}
    data = [{"join_key_map": {"user_id": name}} for name in names]
    return {"params": NAMED | {"metadata_options": options, "request_data": data}}


def answered(*rows: list[Any]) -> dict[str, Any]:
    return {"result": [{"features": row} for row in rows], "metadata": METADATA}


DONE = {
    "workspaceName": "prod",
    "ingestMetrics": {
        "featureViewIngestMetrics": [
            {"featureViewName": "shop_user_now", "onlineRecordIngestCount": "1"}
        ]
    },
}


def test_values_are_ingested_ten_at_a_time(http: Scripted, store: FeatureStore) -> None:
    http.expect("POST", "/ingest", ingest([RECORD] * 10), DONE)
    http.expect("POST", "/ingest", ingest([RECORD]), DONE)
    store.push("user_id", [ROW] * 11, NOW)
    assert {headers["authorization"] for headers in http.headers} == {f"Tecton-key {KEY}"}
    assert {headers["content-type"] for headers in http.headers} == {"application/json"}


def test_what_may_have_a_fraction_is_sent_as_one(http: Scripted, store: Tecton) -> None:
    row = {"item_id": "i1", "views_now": 1, "views_hour": 2, "views_week": 3, "conversion": 1}
    http.expect("POST", "/ingest", ANY, DONE)
    store.push("item_id", [row], NOW)
    (record,) = http.bodies[0]["records"]["shop_item_pulse"]
    assert record["record"] == row | {"timestamp": SAID, "moment_ms": NOW}
    assert isinstance(record["record"]["conversion"], float)
    assert isinstance(record["record"]["views_now"], int)


def test_values_are_read_back_as_they_were(http: Scripted, store: Tecton) -> None:
    nobody = [None] * len(HELD)
    http.expect(
        "POST", f"{SERVING}/get-features-batch", asked("none", "u1"), answered(nobody, HELD)
    )
    assert store.read("user_id", ["none", "u1", "none", "u1"]) == [None, ROW, None, ROW]


def test_ten_entities_are_asked_for_at_once(http: Scripted, store: Tecton) -> None:
    names = [f"u{number}" for number in range(11)]
    http.expect("POST", f"{SERVING}/get-features-batch", asked(*names[:10]), answered(*[HELD] * 10))
    http.expect("POST", f"{SERVING}/get-features-batch", asked("u10"), answered(HELD))
    assert [row and row["user_id"] for row in store.read("user_id", names)] == names


def test_a_record_that_is_refused_is_said(http: Scripted, store: Tecton) -> None:
    error = {
        "featureViewName": "shop_user_now",
        "pushSourceName": "shop_user_now",
        "errorType": "InvalidRequest",
        "errorMessage": "spend is no int64",
    }
    partly = {"workspaceName": "prod", "recordErrors": [error]}
    http.expect("POST", "/ingest", ingest([RECORD] * 10), DONE)
    http.expect("POST", "/ingest", ingest([RECORD]), partly)
    with pytest.raises(Unavailable, match="1 errors, the first InvalidRequest: spend is no int64"):
        store.push("user_id", [ROW] * 11, NOW)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 503, 504])
def test_a_request_that_is_refused_is_said(http: Scripted, store: Tecton, status: int) -> None:
    said = {"requestError": {"errorMessage": "no such source", "errorType": "ResourceNotFound"}}
    http.expect("POST", "/ingest", ANY, said, status=status)
    with pytest.raises(Unavailable, match=f"{status}.*no such source") as caught:
        store.push("user_id", [ROW], NOW)
    assert KEY not in str(caught.value)
    assert caught.value.hint
    said = {"error": "unknown service", "code": 5, "message": "unknown service"}
    http.expect("POST", f"{SERVING}/get-features-batch", ANY, said, status=status)
    with pytest.raises(Unavailable, match=f"{status}.*unknown service"):
        store.read("user_id", ["u1"])


def test_an_error_of_the_request_counts_whatever_the_status(http: Scripted, store: Tecton) -> None:
    said = {"requestError": {"errorMessage": "no such source", "errorType": "ResourceNotFound"}}
    http.expect("POST", "/ingest", ANY, said)
    with pytest.raises(Unavailable, match="ResourceNotFound: no such source"):
        store.push("user_id", [ROW], NOW)


@pytest.mark.parametrize(
    "said",
    [{}, [], answered(), {"result": [{"features": HELD[1:]}], "metadata": METADATA}],
)
def test_an_answer_of_another_shape_is_no_value(http: Scripted, store: Tecton, said: Any) -> None:
    http.expect("POST", f"{SERVING}/get-features-batch", ANY, said)
    with pytest.raises(Unavailable):
        store.read("user_id", ["u1"])


def test_what_is_not_applied_is_named(http: Scripted, store: Tecton) -> None:
    item = {"feature_service_name": "shop_item_id", "workspace_name": "prod"}
    items = ["moment_ms", "views_now", "views_hour", "views_week", "conversion"]
    said = {
        "featureServiceType": "DEFAULT",
        "featureValues": [{"name": f"shop_item_pulse.{name}"} for name in items],
    }
    http.expect("POST", f"{SERVING}/metadata", {"params": item}, said)
    every = {"featureValues": METADATA["features"]}
    http.expect("POST", f"{SERVING}/metadata", {"params": NAMED}, every)
    assert store.declare() == []
    http.expect("POST", f"{SERVING}/metadata", {"params": item}, said)
    fewer = {"featureValues": METADATA["features"][:-1]}
    http.expect("POST", f"{SERVING}/metadata", {"params": NAMED}, fewer)
    with pytest.raises(Unavailable, match=r"lacks shop_user_now.price_bands: apply"):
        store.declare()


def test_the_definitions_are_python_with_every_feature(store: Tecton) -> None:
    text = store.definitions(days=7)
    tree = ast.parse(text)
    made = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert list(made) == [
        "item_id_entity", "shop_item_pulse_source", "shop_item_pulse", "item_id_service",
        "user_id_entity", "shop_user_now_source", "shop_user_now", "user_id_service",
    ]  # fmt: skip
    for name in VALUES:
        assert text.count(f'("{name}", ') == (4 if name == "moment_ms" else 2), name
    assert 'Attribute("spend", Int64)' in text
    assert 'Attribute("conversion", Float64)' in text
    assert 'Attribute("categories", String)' in text
    assert "ttl=timedelta(days=7)" in text
    assert text == store.definitions(days=7)


def test_a_server_that_says_nothing_is_not_waited_for_long() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        store = Tecton(PLAN, url=url, workspace="prod", key=KEY, timeout_s=0.1)
        with pytest.raises(Unavailable, match="Timeout") as caught:
            store.read("user_id", ["u1"])
        store.close()
    assert KEY not in str(caught.value)
    store = Tecton(PLAN, url=url, workspace="prod", key=KEY)
    with pytest.raises(Unavailable, match="Connect"):
        store.push("user_id", [ROW], NOW)
    store.close()


def test_the_key_is_of_the_environment_or_asked_for(
    http: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TECTON_API_KEY", raising=False)
    with pytest.raises(AfreshError, match="needs a key"):
        Tecton(PLAN, url=http.url, workspace="prod")
    monkeypatch.setenv("TECTON_API_KEY", "of-the-environment")
    http.expect("POST", "/ingest", ANY, DONE)
    store = Tecton(PLAN, url="https://shop.tecton.ai", workspace="prod", ingest=http.url)
    store.push("user_id", [ROW], NOW)
    store.close()
    assert http.headers[0]["authorization"] == "Tecton-key of-the-environment"


def test_a_key_is_sent_over_tls_only() -> None:
    with pytest.raises(AfreshError, match="is not called at"):
        Tecton(PLAN, url="http://shop.tecton.ai", workspace="prod", key=KEY)


def test_a_key_field_without_features_is_refused(store: Tecton) -> None:
    with pytest.raises(BadRequest):
        store.push("session_id", [{"session_id": "s1"}], NOW)
    with pytest.raises(BadRequest):
        store.read("session_id", ["s1"])


def test_a_key_with_a_dot_is_a_column_without(http: Scripted) -> None:
    store = Tecton(everything.plan(), url=http.url, workspace="prod", key=KEY)
    row = {"item.category": "shoes", "sold": 3, "levels": None}
    http.expect("POST", "/ingest", ANY, DONE)
    store.push("item.category", [row], NOW)
    (record,) = http.bodies[0]["records"]["everything_by_category"]
    assert record["record"]["item_category"] == "shoes"
    names = [f"everything_by_category.{name}" for name in ("moment_ms", "sold", "levels")]
    said = {
        "result": [{"features": [str(NOW), 3.0, None]}],
        "metadata": {"features": [{"name": name} for name in names]},
    }
    http.expect("POST", f"{SERVING}/get-features-batch", ANY, said)
    assert store.read("item.category", ["shoes"]) == [row]
    store.close()
    asked_for = http.bodies[1]["params"]
    assert asked_for["feature_service_name"] == "everything_item_category"
    assert asked_for["request_data"] == [{"join_key_map": {"item_category": "shoes"}}]


def test_every_kind_of_feature_has_a_type(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Tecton(everything.plan(), url="https://shop.tecton.ai", workspace="prod", key=KEY)
    text = store.definitions()
    ast.parse(text)
    for feature in everything.plan().features:
        assert f'Attribute("{feature.name}", ' in text
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingDependency, match="httpx"):
        Tecton(PLAN, url="https://shop.tecton.ai", workspace="prod", key=KEY)

"""The catalogue over HTTP."""

from __future__ import annotations

import json
from urllib.parse import quote

import httpx
import pytest


def test_an_item_is_put_changed_read_and_deleted(client: httpx.Client) -> None:
    path = "/v1/items/p1"
    put = client.put(path, json={"title": "Tea", "category": "drinks", "price_cents": 499})
    assert put.status_code == 200
    assert put.json()["accepted"] == 1
    assert client.patch(path, json={"title": "Green tea", "category": None}).status_code == 200
    found = client.get(path).json()
    assert found["item_id"] == "p1"
    assert (found["title"], found["category"], found["price_cents"]) == ("Green tea", None, 499)
    assert client.delete(path).status_code == 200
    for answer in (client.get(path), client.delete(path), client.patch(path, json={})):
        assert answer.status_code == 404
        assert answer.json()["hint"]


@pytest.mark.parametrize(
    "item_id", ["a/b", "a b", "ü", "100%", "a%2Fb", "..", "similar", "?", "x//"]
)
def test_any_id_can_be_called_by_its_path(client: httpx.Client, item_id: str) -> None:
    path = "/v1/items/" + quote(item_id, safe="").replace(".", "%2E")
    assert client.put(path, json={"title": item_id}).status_code == 200
    assert client.get(path).json()["item_id"] == item_id
    assert client.get(path + "/similar").status_code == 200


@pytest.mark.parametrize("path", ["/v1/items/%FF", "/v1/items/%00", "/v1/items/" + "x" * 257])
def test_what_is_no_id_is_400(client: httpx.Client, path: str) -> None:
    answer = client.put(path, json={})
    assert (answer.status_code, answer.json()["path"]) == (400, "$.item_id")


@pytest.mark.parametrize(
    ("record", "path"),
    [
        ({"titel": "x"}, "$.titel"),
        ({"price_cents": "cheap"}, "$.price_cents"),
        ({"price_cents": 2**40}, "$.price_cents"),
        ({"item_id": "other"}, "$.item_id"),
    ],
)
def test_a_record_that_does_not_fit_is_400_with_its_path(
    client: httpx.Client, record: dict[str, object], path: str
) -> None:
    answer = client.put("/v1/items/p2", json=record)
    assert (answer.status_code, answer.json()["path"]) == (400, path)


@pytest.mark.parametrize("body", [b"", b"[]", b"3", b"{", b'{"a":' * 5000])
def test_a_body_that_is_no_object_is_400(client: httpx.Client, body: bytes) -> None:
    answer = client.put("/v1/items/p3", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400


def test_many_items_each_with_a_verdict(client: httpx.Client) -> None:
    lines = [{"item_id": "q1", "title": "One"}, {"item_id": "q2", "colour": 1}, {"title": "Three"}]
    body = "\n".join(map(json.dumps, lines))
    headers = {"content-type": "application/x-ndjson"}
    answer = client.post("/v1/items", content=body, headers=headers)
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 1
    assert [r["index"] for r in answer.json()["rejected"]] == [1, 2]
    assert client.get("/v1/items/q1").json()["title"] == "One"
    nothing = client.post("/v1/items", content='{"title":"x"}', headers=headers)
    assert nothing.status_code == 422

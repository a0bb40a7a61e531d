"""The document is OpenAPI 3.1, complete, and its examples fit its schemas."""

from __future__ import annotations

import re
from typing import Any

import httpx
import jsonschema_rs
import pytest

from afresh.serve import openapi


@pytest.fixture(scope="module")
def document(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def test_every_route_is_in_it(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/v1/events", "/v1/recommend", "/v1/recommend/{user_id}", "/v1/trending", "/v1/items",
        "/v1/items/{item_id}", "/v1/items/{item_id}/similar", "/v1/features", "/livez", "/readyz",
        "/version", "/metrics", "/openapi.json", "/docs",
        "/v1/live", "/v1/rank", "/v1/explain/{request_id}",
    }  # fmt: skip
    assert set(document["paths"]["/v1/items/{item_id}"]) == {"get", "put", "patch", "delete"}


def test_bodies_are_typed_by_the_definition(document: dict[str, Any]) -> None:
    kinds = document["components"]["schemas"]["Event"]["oneOf"]
    assert [kind["properties"]["event_type"]["const"] for kind in kinds] == [
        "view",
        "cart",
        "buy",
        "identify",
    ]
    assert "brand" in document["components"]["schemas"]["ItemRecord"]["properties"]
    bodies = document["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    assert set(bodies) == {"application/json", "application/x-ndjson"}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for name in re.findall(r"#/components/schemas/(\w+)", str(document)):
        assert name in document["components"]["schemas"]


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    checked = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            holders = [operation.get("requestBody", {}), *operation["responses"].values()]
            for media in (m for h in holders for m in h.get("content", {}).values()):
                for example in media.get("examples", {}).values():
                    schema = {**media["schema"], "components": document["components"]}
                    assert jsonschema_rs.is_valid(schema, example["value"]), (method, path)
                    checked += 1
    assert checked > 8


def test_the_page_asks_nobody_else(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "/v1/recommend" in page.text
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page.text)


def test_without_a_definition_it_is_whole_too() -> None:
    assert "/v1/events" in openapi()["paths"]

"""Lists and features over HTTP."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest


@pytest.fixture(scope="module", autouse=True)
def history(served: Any) -> None:
    lines = [served.view(item, s) for s in ("h1", "h2", "h3") for item in ("tea", "cup")]
    assert served.client.post("/v1/events", json=lines).json()["accepted"] == 6
    served.client.put("/v1/items/tea", json={"title": "Tea", "category": "drinks"})
    served.client.put("/v1/items/cup", json={"title": "Cup", "category": "dishes"})


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["item_id"] for item in answer.json()["items"]]


def test_the_answer_has_the_pinned_shape(served: Any) -> None:
    answer = served.client.post("/v1/recommend", json={"surface": "home", "user_id": "u1", "n": 2})
    body = answer.json()
    assert set(body) >= {
        "request_id", "items", "offset", "fresh", "freshness_ms", "model", "variant", "degraded"
    }  # fmt: skip
    assert set(body["items"][0]) >= {"item_id", "score", "sources", "reason"}
    assert (body["model"], body["variant"], body["degraded"]) == ("blend", None, [])
    assert answer.headers["x-request-id"] == body["request_id"]


def test_the_short_form_answers_alike(served: Any) -> None:
    long = served.client.post("/v1/recommend", json={"user_id": "u1", "n": 2})
    assert names(served.client.get("/v1/recommend/u1?surface=home&n=2")) == names(long)


def test_similar_and_trending(served: Any) -> None:
    assert names(served.client.get("/v1/items/tea/similar?n=1")) == ["cup"]
    assert set(names(served.client.get("/v1/trending?window=1h"))) == {"tea", "cup"}
    assert names(served.client.get("/v1/trending?window=1h&category=drinks")) == ["tea"]


@pytest.mark.parametrize(
    ("query", "status", "path"),
    [
        ("recommend/u1?n=0", 400, "$.n"),
        ("recommend/u1?n=x", 400, "$.n"),
        ("recommend/u1?n=1&n=2", 400, "$.n"),
        ("recommend/u1?colour=red", 400, "$.colour"),
        ("recommend/u1?after=xyz", 400, "$.after"),
        ("recommend/u1?surface=hme", 404, None),
        ("items/unheard/similar", 404, None),
        ("trending?colour=red", 400, "$.colour"),
        ("trending?category=", 400, "$.category"),
        ("trending?window=2y", 404, None),
    ],
)
def test_a_wrong_question_says_where(
    served: Any, query: str, status: int, path: str | None
) -> None:
    answer = served.client.get(f"/v1/{query}")
    assert answer.status_code == status
    assert answer.json().get("path") == path


def features(served: Any, **body: Any) -> Any:
    return served.client.post("/v1/features", json=body)


def test_features_now_and_as_of(served: Any) -> None:
    asked = {"keys": {"item_id": ["tea", "cup"]}, "features": ["views_hour"]}
    now = features(served, **asked, as_of=None)
    assert now.json()["rows"] == [
        {"item_id": "tea", "views_hour": 3},
        {"item_id": "cup", "views_hour": 3},
    ]
    assert now.json()["offset"]
    for moment in ("2024-01-01T00:00:00Z", "2024-01-01T02:00:00+02:00", 1704067200000):
        before = features(served, **asked, as_of=moment)
        assert [row["views_hour"] for row in before.json()["rows"]] == [0, 0]


@pytest.mark.parametrize(
    ("change", "status", "path"),
    [
        ({"keys": {}}, 400, "$.keys"),
        ({"keys": {"colour": ["red"]}, "features": None}, 400, "$.keys"),
        ({"keys": {"colour": ["red"]}}, 400, "$.keys"),
        ({"keys": {"item_id": [""]}}, 400, None),
        ({"keys": {"item_id": ["x"] * 10_001}}, 400, "$.keys"),
        ({"as_of": "2024-01-01T00:00:00"}, 400, "$.as_of"),
        ({"as_of": "yesterday"}, 400, "$.as_of"),
        ({"as_of": -1}, 400, "$.as_of"),
        ({"as_of": "1960-01-01T00:00:00Z"}, 400, "$.as_of"),
        ({"features": ["views_hr"]}, 404, None),
        ({"more": 1}, 400, "$.more"),
    ],
)
def test_a_wrong_read_says_where(
    served: Any, change: dict[str, Any], status: int, path: str | None
) -> None:
    asked = {"keys": {"item_id": ["tea"]}, "features": ["views_hour"], **change}
    answer = features(served, **asked)
    assert answer.status_code == status
    if path:
        assert answer.json()["path"] == path


def test_recommend_as_of(served: Any) -> None:
    moment = int(time.time() * 1000)
    for sent in (moment, datetime.fromtimestamp(moment / 1000, UTC).isoformat()):
        answer = served.client.post("/v1/recommend", json={"session_id": "s1", "as_of": sent})
        assert answer.status_code == 200
        assert answer.json()["items"]
        assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert served.client.post("/v1/recommend", json={"as_of": 5}).json()["fresh"]
    for wrong in ("2024-01-01T00:00:00", -1, "1960-01-01T00:00:00Z", moment + 600_000):
        answer = served.client.post("/v1/recommend", json={"as_of": wrong})
        assert (answer.status_code, answer.json()["path"]) == (400, "$.as_of")


def test_what_rises(served: Any) -> None:
    answer = served.client.get("/v1/trending?rising=true&category=drinks")
    assert names(answer) == ["tea"]
    assert answer.json()["items"][0]["sources"] == ["rising"]
    assert served.client.get("/v1/trending?rising=true&window=7d").json()["path"] == "$.window"
    assert served.client.get("/v1/trending?rising=perhaps").status_code == 400

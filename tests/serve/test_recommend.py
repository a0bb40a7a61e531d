"""Rules, pages and ranking over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

GOODS = {f"r{n}": {"category": "odd" if n % 2 else "even", "price_cents": n} for n in range(8)}


@pytest.fixture(scope="module", autouse=True)
def goods(served: Any) -> None:
    for item, record in GOODS.items():
        served.client.put(f"/v1/items/{item}", json=record)
    lines = [served.view(item, s) for s in ("g1", "g2", "g3") for item in ("r3", "r4", "r5")]
    assert served.client.post("/v1/events", json=lines).json()["accepted"] == 9


def asked(served: Any, route: str = "recommend", **body: Any) -> Any:
    answer = served.client.post(f"/v1/{route}", json={"session_id": "g9", **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(answer: Any) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def test_pages_show_all_there_is_once(served: Any) -> None:
    rules = {
        "exclude": ["r1"],
        "filter": "category in ['odd', 'even'] and price_cents < context.most",
        "pin": [{"item_id": "r7", "position": 2}],
        "boost": [{"where": "category == 'odd'", "by": 2}],
    }
    shown: list[str] = []
    cursor = None
    for _ in range(9):
        body = {"n": 2, "rules": rules, "context": {"most": 6}}
        answer = asked(served, **body, **({"cursor": cursor} if cursor else {}))
        shown += names(answer)
        cursor = answer["cursor"]
        if cursor is None:
            break
    assert sorted(shown) == ["r0", "r2", "r3", "r4", "r5", "r7"]
    assert shown[2] == "r7"
    assert shown[:2] == ["r3", "r5"]


def test_the_short_form_has_pages_too(served: Any) -> None:
    first = served.client.get("/v1/recommend/u9", params={"n": 3}).json()
    params = {"n": 3, "cursor": first["cursor"]}
    second = served.client.get("/v1/recommend/u9", params=params).json()
    assert len({*names(first), *names(second)}) == 6


def test_a_cap_holds(served: Any) -> None:
    rules = {"cap": [{"field": "category", "max": 1}], "filter": "category is not null"}
    answer = asked(served, n=8, rules=rules)
    assert len({GOODS[name]["category"] for name in names(answer)}) == len(names(answer)) == 2
    assert answer["cursor"]


def test_named_items_are_ranked(served: Any) -> None:
    """What people touched comes first, the others as given; each once, whatever the filters say."""
    given = ["r0", "unheard", "r4", "r7", "r3", "r4", "r5"]
    answer = asked(served, "rank", items=given)
    assert set(names(answer)[:3]) == {"r3", "r4", "r5"}
    assert names(answer)[3:] == ["r0", "unheard", "r7"]
    listed = [name for name in names(asked(served, n=50)) if name in given]
    assert names(answer)[:3] == listed[:3]
    last = answer["items"][3]
    assert (last["score"], last["sources"]) == (0.0, ["request"])
    assert last["reason"] == "Named by the request"
    assert (answer["cursor"], answer["degraded"], answer["fresh"]) == (None, [], True)


@pytest.mark.parametrize(
    ("route", "body", "path", "said"),
    [
        ("recommend", {"rules": {"filter": "price_cent < 5"}}, "$.rules.filter", "price_cents?"),
        ("recommend", {"rules": {"filter": ""}}, "$.rules.filter", ""),
        ("recommend", {"rules": {"pin": [{"item_id": "a"}]}}, "$.rules.pin[0].position", ""),
        ("recommend", {"rules": {"cap": [{"field": "a", "max": 0}]}}, "$.rules.cap[0].max", ""),
        ("recommend", {"rules": {"pim": []}}, "$.rules.pim", ""),
        ("recommend", {"context": {"a": [1]}}, "$.context[...]", ""),
        ("recommend", {"cursor": "abc"}, "$.cursor", "unchanged"),
        ("rank", {"items": []}, "$.items", ""),
        ("rank", {}, "$.items", ""),
        ("rank", {"items": ["a"], "after": "abc"}, "$.after", ""),
    ],
)  # fmt: skip
def test_a_wrong_body_says_where(served: Any, route: str, body: Any, path: str, said: str) -> None:
    answer = served.client.post(f"/v1/{route}", json=body)
    assert answer.status_code == 400
    assert answer.json()["path"] == path, answer.text
    assert said in answer.json().get("hint", "")


def test_a_cursor_of_another_surface_is_refused(served: Any) -> None:
    cursor = asked(served, n=1)["cursor"]
    assert cursor
    answer = served.client.post("/v1/recommend", json={"surface": "hme", "cursor": cursor})
    assert answer.json()["code"] == "foreign_cursor"


def test_ranking_for_an_unknown_surface_is_refused(served: Any) -> None:
    answer = served.client.post("/v1/rank", json={"surface": "hme", "items": ["a"]})
    assert answer.status_code == 404
    assert "home" in answer.json()["hint"]

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from afresh.demo.site import site


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient[Litestar]]:
    people = tmp_path / "households.json"
    people.write_text('[{"user_id":"h1","about":"One <b>adult</b>","baskets":3}]')
    with TestClient(Litestar(site(people))) as client:
        yield client


def test_the_page_and_all_its_parts_are_there(client: TestClient[Litestar]) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    parts = re.findall(r'(?:href|src)="(/demo/[^"]+)"', page.text)
    assert {"/demo/style.css", "/demo/demo.js", "/demo/icon.svg"} <= set(parts)
    for path in parts:
        part = client.get(path)
        assert part.status_code == 200, path
        for imported in re.findall(r'(?:from|import) "(/demo/[^"]+)"', part.text):
            assert client.get(imported).status_code == 200, imported


def test_nothing_may_come_from_elsewhere(client: TestClient[Litestar]) -> None:
    for path in ("/", "/demo/style.css", "/demo/demo.js"):
        answer = client.get(path)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert not re.search(
            r"(?:https?:)?//[a-z]+\.[a-z]+", re.sub(r"\bw3\.org\S*", "", answer.text)
        )


def test_households_come_with_the_terms(client: TestClient[Litestar]) -> None:
    answer = client.get("/demo/households").json()
    assert answer["households"] == [{"user_id": "h1", "about": "One <b>adult</b>", "baskets": 3}]
    assert "84.51°" in answer["terms"]


@pytest.mark.parametrize("path", ["/demo/shop.py", "/demo/..%2fshop.py", "/demo/index.htm"])
def test_only_the_parts_are_served(client: TestClient[Litestar], path: str) -> None:
    assert client.get(path).status_code == 404

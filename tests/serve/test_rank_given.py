"""What a caller says of its list, over HTTP and by the clients: taken, traced, or refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.serve.conftest import Served, serving
from tests.train.hotels import hotels

from afresh.client import AsyncClient, Client, RequestFailed


@pytest.fixture(scope="module")
def hotel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("hotel")
    with serving(folder, app=hotels()) as found:
        yield found


ITEMS = ["a", "b", "c"]


def test_it_is_taken_and_kept(hotel: Served) -> None:
    given = {"price": [120, 80.5, None]}
    body = {"user_id": "u1", "items": ITEMS, "given": given}
    answer = hotel.client.post("/v1/rank", json=body)
    assert answer.status_code == 200, answer.text
    assert [item["item_id"] for item in answer.json()["items"]] == ITEMS
    said = hotel.client.get(f"/v1/explain/{answer.json()['request_id']}").json()
    assert (said["ranked"], said["given"]) == (ITEMS, given)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"price": [1, 2]}, "$.given.price"),
        ({"price": []}, "$.given.price"),
        ({"prise": [1, 2, 3]}, "$.given.prise"),
        ({"price": [1, 1e39, 3]}, "$.given.price[1]"),
        ({"price": [1, "2", 3]}, "$.given[...][1]"),
        ({"price": 5}, "$.given[...]"),
        ({f"n{n}": [1, 2, 3] for n in range(17)}, "$.given"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_path(hotel: Served, given: Any, path: str) -> None:
    answer = hotel.client.post("/v1/rank", json={"items": ITEMS, "given": given})
    assert answer.status_code == 400, answer.text
    assert answer.json()["path"] == path


def test_the_clients_send_it(hotel: Served) -> None:
    given = {"price": [1.5, None, 3.0]}
    with Client(hotel.url) as client:
        answer = client.rank(ITEMS, user_id="u1", given=given)
        assert [item.item_id for item in client.rank(ITEMS, session_id="s1").items] == ITEMS
        with pytest.raises(RequestFailed, match="2 numbers of 'price'"):
            client.rank(ITEMS, given={"price": [1, 2]})

    async def asked() -> str:
        async with AsyncClient(hotel.url) as client:
            return (await client.rank(ITEMS, user_id="u1", given=given)).request_id

    for request_id in (answer.request_id, asyncio.run(asked())):
        assert hotel.runtime.explain(request_id).given == given

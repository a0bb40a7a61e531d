"""Request ids, unknown routes and methods, failures: the same shape for all."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from litestar import get


@pytest.mark.parametrize("given", ["abc-1", "a" * 128])
def test_a_sane_request_id_is_kept(client: httpx.Client, given: str) -> None:
    answer = client.get("/livez", headers={"x-request-id": given})
    assert answer.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a b", "a" * 129, "<script>"])
def test_another_one_is_replaced(client: httpx.Client, given: str) -> None:
    first, second = (client.get("/livez", headers={"x-request-id": given}) for _ in range(2))
    ids = {first.headers["x-request-id"], second.headers["x-request-id"]}
    assert len(ids) == 2
    assert given not in ids


def test_an_unknown_route_is_a_problem(client: httpx.Client) -> None:
    answer = client.get("/v2/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["instance"] == "/v2/nothing"
    assert body["request_id"] == answer.headers["x-request-id"]
    assert {"type", "title", "status", "detail", "code", "hint"} <= set(body)


def test_a_wrong_method_says_which_there_are(client: httpx.Client) -> None:
    answer = client.delete("/v1/events")
    assert answer.status_code == 405
    assert "POST" in answer.headers["allow"]
    assert answer.json()["code"] == "method_not_allowed"


def test_a_failure_tells_nothing_of_the_inside(serve: Any) -> None:
    @get("/broken")
    async def broken() -> str:
        raise RuntimeError("secret")

    with serve(broken) as served:
        answer = served.client.get("/broken")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.json()["code"] == "internal"


def test_health(client: httpx.Client) -> None:
    assert client.get("/livez").json() == {"status": "alive"}
    assert client.get("/readyz").json() == {"status": "ready"}
    assert client.get("/version").json()["app"] == "shop"


def test_not_ready_when_the_log_fails(serve: Any) -> None:
    from afresh.errors import StorageFull

    with serve() as served:
        served.runtime.writer.committer.failure = StorageFull("The disk is full.")
        answer = served.client.get("/readyz")
        assert answer.status_code == 503
        assert "disk is full" in answer.json()["detail"]
        assert "retry-after" in answer.headers

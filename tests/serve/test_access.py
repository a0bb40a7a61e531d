"""Who may call, and from which page."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from afresh.errors import AfreshError
from afresh.serve.server import bind
from afresh.settings import Settings, check_exposure, is_loopback


def test_with_a_key_nobody_else_comes_in(serve: Any) -> None:
    with serve(api_key="right") as served:
        client: httpx.Client = served.client
        for headers in ({}, {"x-api-key": "wrong"}, {"authorization": "Basic right"}):
            answer = client.get("/v1/trending", headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["code"] == "unauthorized"
        assert client.get("/metrics").status_code == 401
        for headers in ({"x-api-key": "right"}, {"authorization": "Bearer right"}):
            assert client.get("/v1/trending", headers=headers).status_code == 200
        for path in ("/livez", "/readyz", "/version"):
            assert client.get(path).status_code == 200
        document = client.get("/openapi.json", headers={"x-api-key": "right"}).json()
        assert document["security"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_listening_beyond_this_machine_needs_a_key(host: str) -> None:
    with pytest.raises(AfreshError, match="API key") as error:
        bind(Settings(host=host, port=0))
    assert "AFRESH_API_KEY" in error.value.hint
    check_exposure(Settings(host=host, api_key="k"))


def test_what_is_loopback() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.8.8.8", "::1", "[::1]")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "localhost.example.org", "10.0.0.1", "")))


def test_a_taken_port_is_explained() -> None:
    with bind(Settings(port=0)) as taken:
        taken.listen()
        with pytest.raises(AfreshError, match="Cannot listen") as error:
            bind(Settings(port=taken.getsockname()[1]))
    assert "--port" in error.value.hint


def test_pages_of_others_may_not_write(served: Any) -> None:
    evil = {"origin": "http://evil.example"}
    answer = served.client.post("/v1/events", json={}, headers=evil)
    assert (answer.status_code, answer.json()["code"]) == (403, "unknown_origin")
    own = {"origin": served.url}
    assert served.client.post("/v1/recommend", json={}, headers=own).status_code == 200
    read = served.client.get("/v1/trending", headers=evil)
    assert "access-control-allow-origin" not in read.headers


def test_a_name_that_was_rebound_to_this_machine_is_refused(served: Any) -> None:
    answer = served.client.get("/v1/trending", headers={"host": "evil.example:80"})
    assert (answer.status_code, answer.json()["code"]) == (403, "unknown_host")
    assert served.client.get("/v1/trending", headers={"host": "localhost:80"}).status_code == 200


def test_an_allowed_origin_gets_what_a_browser_needs(serve: Any) -> None:
    with serve(cors_origins=("https://shop.example",)) as served:
        origin = {"origin": "https://shop.example"}
        asked = {**origin, "access-control-request-method": "POST"}
        preflight = served.client.options("/v1/recommend", headers=asked)
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == "https://shop.example"
        assert "POST" in preflight.headers["access-control-allow-methods"]
        answer = served.client.post("/v1/recommend", json={}, headers=origin)
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        asked["origin"] = "https://other.example"
        refused = served.client.options("/v1/recommend", headers=asked)
        assert "access-control-allow-origin" not in refused.headers

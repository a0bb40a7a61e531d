"""Models are exchanged in a running server, and no request is dropped."""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest
from tests.serve.conftest import serving
from tests.train.shops import filled, history, shop

from afresh.promoted import FOLDER
from afresh.rank.registry import Registry
from afresh.train.run import Wanted, trained


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log and two models."""
    made = tmp_path_factory.mktemp("models")
    filled(shop(), made, history(500))
    for name in ("one", "two"):
        trained(shop(), made, Wanted(name=name, rows=20_000, seed=len(name)))
    return made


def now() -> int:
    return time.time_ns() // 1_000_000


def test_a_swap_under_load_drops_no_request(folder: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(folder, tmp_path / "data"))
    registry = Registry(data / FOLDER)
    said: Counter[tuple[int, str, int]] = Counter()
    ending = threading.Event()
    with serving(data, app=shop(), learn_per_second=0) as served:

        def ask(visitor: int) -> None:
            with httpx.Client(base_url=served.url, timeout=10) as client:
                while not ending.is_set():
                    answer = client.post("/v1/recommend", json={"user_id": f"u{visitor}"})
                    body = answer.json()
                    said[answer.status_code, body.get("model", ""), len(body["degraded"])] += 1

        threads = [threading.Thread(target=ask, args=(v,)) for v in range(4)]
        for thread in threads:
            thread.start()
        try:
            for name in ("one", "two", "one", ""):
                registry.promote("home", name, now())
                wanted = name or "blend"
                deadline = time.monotonic() + 20
                while time.monotonic() < deadline:
                    body = served.client.post("/v1/recommend", json={"user_id": "u1"}).json()
                    if body["model"] == wanted:
                        break
                    time.sleep(0.05)
                assert body["model"] == wanted
        finally:
            ending.set()
            for thread in threads:
                thread.join()
    assert {status for status, _, _ in said} == {200}
    assert {model for _, model, _ in said} == {"blend", "one", "two"}
    assert {degraded for _, _, degraded in said} == {0}


def test_an_explanation_over_http_replays_with_the_model(folder: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(folder, tmp_path / "data"))
    Registry(data / FOLDER).promote("home", "one", now())
    with serving(data, app=shop(), learn_per_second=0) as served:
        answer = served.client.post("/v1/recommend", json={"user_id": "u1"}).json()
        assert answer["model"] == "one"
        said = served.client.get(f"/v1/explain/{answer['request_id']}?replay=true").json()
        assert said["replay"]["same"]
        assert said["items"][0]["terms"]

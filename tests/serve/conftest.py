"""A real server on a free port, over a real runtime of the shop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from afresh import App
from afresh.loading import load
from afresh.runtime import Runtime
from afresh.serve.server import Server, address, bind, make_server
from afresh.settings import Settings
from afresh.watch.metrics import observed_app

SHOP = Path(__file__).parents[2] / "examples" / "shop.py"


class Served:
    """A server while it runs."""

    def __init__(self, url: str, runtime: Runtime, client: httpx.Client, server: Server) -> None:
        self.url = url
        self.server = server
        self.runtime = runtime
        self.client = client

    def view(self, item: str, session: str, kind: str = "view", **more: Any) -> dict[str, Any]:
        return {
            "event_type": kind,
            "session_id": session,
            "item_id": item,
            "timestamp": int(time.time() * 1000),
            **more,
        }


@contextmanager
def serving(folder: Path, *routes: Any, app: App | None = None, **given: Any) -> Iterator[Served]:
    settings = Settings(port=0, data=folder, **given)
    runtime = Runtime.open(app or load(SHOP), folder, settings)
    server = make_server(observed_app(runtime, settings, routes), settings)
    socket = bind(settings)
    url = address(socket)
    thread = threading.Thread(target=server.run, args=([socket],))
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        with httpx.Client(base_url=url, timeout=10) as client:
            yield Served(url, runtime, client, server)
    finally:
        server.should_exit = True
        thread.join()
        runtime.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("data"), max_body_bytes=100_000) as found:
        yield found


@pytest.fixture(scope="module")
def client(served: Served) -> httpx.Client:
    return served.client


@pytest.fixture
def serve(tmp_path: Path) -> Callable[..., Any]:
    """For servers with other settings: `with serve(api_key="k") as served:`."""

    def start(*routes: Any, **given: Any) -> Any:
        return serving(tmp_path, *routes, **given)

    return start

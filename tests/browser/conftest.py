"""A page that uses the browser module, on a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from litestar import Response, get
from playwright.sync_api import Page
from tests.serve.conftest import Served, serving

from afresh.loading import load

PAGE = """<!doctype html><meta charset="utf-8"><title>shop</title>
<link rel="icon" href="data:,">
<style>li { height: 40px } #below { margin-top: 3000px; height: 100px }</style>
<ul id="list"><li data-id="a">a<li data-id="b"><button>b</button><li data-id="c">c</ul>
<div id="below">below</div>
<script type="module">
import { Afresh } from "/afresh.js";
const options = JSON.parse(sessionStorage.getItem("options") ?? "{}");
window.afresh = new Afresh({ ...options, onRejected: (r) => (window.rejected = r) });
window.ready = true;
</script>"""

DEFINITION = """
from afresh import App, sessions, trending
app = App("seen")
app.events("view", "shown", "dwelt", dwell_ms=int)
app.surface("home", sources=[sessions(weight=1.0), trending("1h", weight=0.1)], n=10)
"""


@get("/shop", include_in_schema=False, sync_to_thread=False)
def shop_page() -> Response[str]:
    return Response(PAGE, media_type="text/html")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.py").write_text(DEFINITION)
    with serving(folder / "data", shop_page, app=load(folder / "shop.py")) as served:
        yield served


@pytest.fixture
def opened(page: Page, shop: Served) -> Page:
    """The page, with its module ready."""
    go(page, shop)
    return page


def go(page: Page, shop: Served) -> None:
    page.goto(f"{shop.url}/shop")
    page.wait_for_function("window.ready")

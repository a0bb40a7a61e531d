"""What is similar to an item, known from sessions or from its text alone."""

from __future__ import annotations

import pytest
from tests.opened import Opened, event, post, put

from afresh import App, Catalog, text, trending
from afresh.surfaces.spec import Source


class Things(Catalog):
    title: str


def shop(*sources: Source) -> App:
    app = App("shop")
    app.event("view")
    app.surface("home", sources=list(sources))
    return app


@pytest.mark.parametrize("described", [True, False])
def test_an_item_that_stands_in_no_session_is_known_by_its_text(
    opened: Opened, described: bool
) -> None:
    runtime = opened(shop(trending("1h"), *([text()] if described else [])))
    for name, title in (("a", "red running shoes"), ("b", "blue running shoes"), ("c", "teapot")):
        put(runtime, name, title=title)
    found = runtime.similar("a", 1).items
    assert [(i.item_id, i.sources) for i in found] == ([("b", ["text"])] if described else [])
    post(runtime, event(item_id="a", session_id="s"), event(item_id="c", session_id="s"))
    found = runtime.similar("a", 1).items
    assert [(i.item_id, i.sources) for i in found] == [("c", ["similar"])]

"""An open list with context and rules, in a real browser against a real server."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page
from tests.browser.test_module import LISTEN, bought_together
from tests.serve.conftest import Served


def test_an_open_list_is_made_by_rules_and_context(opened: Page, shop: Served) -> None:
    bought_together(shop, "q1", "q2", "q3", "q4")
    sent_: list[Any] = []
    opened.on("request", lambda r: sent_.append((r.method, r.url, r.post_data_json)))
    opened.evaluate(
        LISTEN.replace(
            "{ n: 2 }", "{ n: 2, context: { city: 'Vienna' }, rules: { exclude: ['q3'] } }"
        )
    )
    opened.wait_for_function("lists.length === 1")
    opened.evaluate("afresh.track('view', 'q1')")
    opened.wait_for_function("lists.at(-1) === 'q2,q4'", timeout=15_000)
    (said,) = [body for method, url, body in sent_ if url.endswith("/v1/live")]
    assert said["rules"] == {"exclude": ["q3"]}
    assert (said["context"], said["n"]) == ({"city": "Vienna"}, 2)
    assert said["session_id"] == opened.evaluate("afresh.sessionId")
    opened.evaluate("end()")

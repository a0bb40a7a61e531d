"""`afresh.js` in a real browser against a real server."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page
from tests.browser.conftest import go
from tests.serve.conftest import Served, serving


def accepted(shop: Served) -> int:
    return int(shop.runtime.stats()["accepted"])


def until(holds: Callable[[], bool], page: Page) -> None:
    late = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < late
        page.wait_for_timeout(20)


def sent(page: Page) -> None:
    """Everything is acknowledged."""
    page.wait_for_function("afresh.waiting === 0", timeout=15_000)


def keys(page: Page) -> list[str]:
    found: list[str] = page.evaluate("Object.keys(localStorage).sort()")
    return found


def order(page: Page) -> list[str]:
    found: list[str] = page.locator("#list").evaluate(
        "list => [...list.children].map(x => x.dataset.id)"
    )
    return found


def test_an_event_arrives_once(opened: Page, shop: Served) -> None:
    before = accepted(shop)
    opened.evaluate("for (const i of ['i1', 'i2', 'i3']) afresh.track('view', i)")
    sent(opened)
    assert accepted(shop) == before + 3
    session = opened.evaluate("afresh.sessionId")
    assert shop.client.post("/v1/recommend", json={"session_id": session}).status_code == 200
    assert session.startswith("s-")


def test_a_refused_event_is_told_and_forgotten(opened: Page, shop: Served) -> None:
    before = accepted(shop)
    opened.evaluate("afresh.track('nonsense', 'i1'); afresh.track('view', 'i1')")
    sent(opened)
    assert accepted(shop) == before + 1
    assert opened.evaluate("rejected.map((r) => r.code)") == ["unknown_event_type"]
    opened.evaluate("afresh.track('nonsense', 'i1')")
    sent(opened)


def test_what_happened_offline_is_sent_when_one_is_back(opened: Page, shop: Served) -> None:
    before = accepted(shop)
    opened.context.set_offline(True)
    opened.evaluate("for (let i = 0; i < 120; i++) afresh.track('view', `o${i}`)")
    opened.wait_for_timeout(300)
    assert opened.evaluate("afresh.waiting") == 120
    assert accepted(shop) == before
    opened.context.set_offline(False)
    sent(opened)
    assert accepted(shop) == before + 120


def test_a_full_outbox_survives_a_reload(opened: Page, shop: Served) -> None:
    before = accepted(shop)
    session = opened.evaluate("afresh.sessionId")
    opened.route("**/v1/events", lambda route: route.abort())
    opened.evaluate("for (let i = 0; i < 70; i++) afresh.track('view', `r${i}`)")
    opened.wait_for_timeout(200)
    assert accepted(shop) == before
    opened.unroute("**/v1/events")
    opened.reload()
    opened.wait_for_function("window.ready")
    sent(opened)
    assert accepted(shop) == before + 70
    assert opened.evaluate("afresh.sessionId") == session


def test_a_lost_answer_does_not_count_twice(opened: Page, shop: Served) -> None:
    """The server takes the events; the page never hears of it, and sends them again."""
    before, lost = accepted(shop), []

    def lose(route: Any) -> None:
        if not lost:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    opened.route("**/v1/events", lose)
    opened.evaluate("afresh.track('view', 'once')")
    sent(opened)
    assert lost == [202]
    assert accepted(shop) == before + 1
    assert shop.runtime.stats()["duplicates"] >= 1


def test_a_click_on_a_link_away_is_not_lost(opened: Page, shop: Served) -> None:
    before = accepted(shop)
    opened.evaluate("afresh.track('view', 'leaving'); location.href = '/livez'")
    opened.wait_for_url("**/livez")
    until(lambda: accepted(shop) == before + 1, opened)
    go(opened, shop)
    sent(opened)
    assert accepted(shop) == before + 1


def test_a_busy_server_is_asked_again(opened: Page, shop: Served) -> None:
    before, asked = accepted(shop), []

    def busy(route: Any) -> None:
        asked.append(route.request.post_data)
        if len(asked) == 1:
            route.fulfill(status=503, headers={"retry-after": "1"}, body="{}")
        else:
            route.continue_()

    opened.route("**/v1/events", busy)
    opened.evaluate("afresh.track('view', 'later')")
    sent(opened)
    assert accepted(shop) == before + 1
    assert asked[0] == asked[1], "the same events, with the same ids"


def test_ids_are_kept_and_forgotten(opened: Page, shop: Served) -> None:
    first = opened.evaluate("afresh.sessionId")
    go(opened, shop)
    assert opened.evaluate("afresh.sessionId") == first
    before = accepted(shop)
    opened.evaluate("afresh.identify('ann'); afresh.identify('ann')")
    sent(opened)
    assert accepted(shop) == before + 1, "the server was told, once"
    go(opened, shop)
    assert opened.evaluate("afresh.userId") == "ann"
    opened.evaluate("afresh.identify('bob')")
    sent(opened)
    assert accepted(shop) == before + 2
    assert opened.evaluate("window.rejected") is None
    assert opened.evaluate("afresh.sessionId") != first, "one session, one person"
    first = opened.evaluate("afresh.sessionId")
    opened.evaluate("afresh.logout()")
    assert opened.evaluate("afresh.userId") is None
    second = opened.evaluate("afresh.sessionId")
    assert second != first
    opened.route("**/v1/events", lambda route: route.abort())
    opened.evaluate("afresh.identify('ann'); afresh.track('view', 'i1')")
    assert len(keys(opened)) == 4
    opened.evaluate("afresh.forget()")
    assert keys(opened) == []
    assert opened.evaluate("afresh.sessionId") not in (first, second)


def test_a_session_ends_after_half_an_hour(opened: Page) -> None:
    first = opened.evaluate("afresh.sessionId")
    opened.evaluate("Date.now = ((now) => () => now() + 29 * 60e3)(Date.now)")
    assert opened.evaluate("afresh.sessionId") == first
    opened.evaluate("Date.now = ((now) => () => now() + 2 * 60e3)(Date.now)")
    assert opened.evaluate("afresh.sessionId") != first


def test_a_visitor_is_remembered_only_when_asked(opened: Page, shop: Served) -> None:
    assert opened.evaluate("afresh.userId") is None
    opened.evaluate("sessionStorage.setItem('options', JSON.stringify({ remember: true }))")
    go(opened, shop)
    visitor = opened.evaluate("afresh.userId")
    assert visitor.startswith("a-")
    opened.evaluate("afresh.logout()")
    assert opened.evaluate("afresh.userId") == visitor


def bought_together(shop: Served, *items: str) -> None:
    for s in range(3):
        events = [shop.view(item, f"{items[0]}-{s}") for item in items]
        assert shop.client.post("/v1/events", json=events).status_code == 202


def test_an_answer_reflects_the_click(opened: Page, shop: Served) -> None:
    bought_together(shop, "m1", "m2", "m3")
    asked: list[Any] = []
    opened.on("request", lambda r: asked.append(r.post_data_json) if "recom" in r.url else None)
    opened.evaluate("afresh.track('view', 'm1')")
    sent(opened)
    found = opened.evaluate("afresh.recommend({ surface: 'home', n: 2 })")
    assert {item["item_id"] for item in found["items"]} == {"m2", "m3"}
    assert found["fresh"]
    assert asked[0]["after"]
    said = opened.evaluate("afresh.recommend({ surface: 'nowhere' }).catch((e) => e.message)")
    assert "nowhere" in said


LISTEN = """() => {
    window.lists = [];
    const told = (list) => lists.push(list.items.map((item) => item.item_id).sort().join());
    window.end = afresh.live({ n: 2 }, told);
}"""


def test_an_open_list_follows_ones_events(opened: Page, shop: Served) -> None:
    bought_together(shop, "l1", "l2", "l3")
    opened.evaluate(LISTEN)
    opened.wait_for_function("lists.length === 1")
    opened.evaluate("afresh.track('view', 'l1')")
    opened.wait_for_function("lists.at(-1) === 'l2,l3'", timeout=15_000)
    opened.evaluate("afresh.logout()")
    opened.wait_for_function("lists.at(-1) !== 'l2,l3'", timeout=15_000)
    opened.evaluate("end()")


def test_an_impression_is_half_of_it_for_a_second(opened: Page, shop: Served) -> None:
    opened.evaluate(
        "sessionStorage.setItem('options', JSON.stringify({impression: 'shown', dwell: 'dwelt'}))"
    )
    go(opened, shop)
    posts: list[Any] = []
    opened.on("request", lambda r: posts.extend(r.post_data_json if "/v1/ev" in r.url else []))
    opened.evaluate("() => { afresh.observe(document.querySelector('#below'), 'low') }")
    opened.evaluate("() => { afresh.observe(document.querySelector('[data-id=a]'), 'high') }")
    opened.wait_for_timeout(1500)
    sent(opened)
    assert [(e["event_type"], e["item_id"]) for e in posts] == [("shown", "high")]
    opened.evaluate("document.querySelector('#below').scrollIntoView()")
    opened.wait_for_timeout(400)
    opened.evaluate("scrollTo(0, 0)")
    opened.wait_for_timeout(1500)
    sent(opened)
    told = [(e["event_type"], e["item_id"]) for e in posts]
    assert told == [("shown", "high"), ("dwelt", "high")], "once seen; too short to be seen"
    assert posts[1]["properties"]["dwell_ms"] >= 1000


def test_nothing_is_observed_that_no_option_names(opened: Page, shop: Served) -> None:
    opened.evaluate("() => { afresh.observe(document.querySelector('[data-id=a]'), 'high') }")
    opened.wait_for_timeout(1300)
    assert opened.evaluate("afresh.waiting") == 0
    assert keys(opened) == []


GLIDES = """() => { window.glides = 0; const animate = Element.prototype.animate;
Element.prototype.animate = function (...a) { glides++; return animate.apply(this, a) } }"""


def test_a_list_is_reordered_in_place(opened: Page) -> None:
    opened.evaluate(GLIDES)
    opened.locator("[data-id=b] button").focus()
    opened.evaluate("window.kept = document.querySelector('[data-id=c]')")
    opened.evaluate("afresh.reorder(document.querySelector('#list'), ['c', 'x', 'a'])")
    assert order(opened) == ["c", "a", "b"]
    assert opened.evaluate("document.querySelector('#list').children[0] === kept")
    assert opened.evaluate("document.activeElement.textContent") == "b"
    assert opened.evaluate("glides") == 3
    opened.evaluate("afresh.reorder(document.querySelector('#list'), ['c', 'a', 'b'])")
    assert opened.evaluate("glides") == 3, "nothing moved"


def test_children_come_and_go(opened: Page) -> None:
    opened.evaluate(
        """const made = (id) => Object.assign(document.createElement('li'), { textContent: id });
        afresh.reorder(document.querySelector('#list'), ['x', 'b', 'b'], (id) => {
            const li = made(id); li.dataset.id = id; return li; })"""
    )
    assert order(opened) == ["x", "b"]


def test_who_asked_for_less_motion_gets_none(opened: Page) -> None:
    opened.emulate_media(reduced_motion="reduce")
    opened.evaluate(GLIDES)
    opened.evaluate("afresh.reorder(document.querySelector('#list'), ['c', 'b', 'a'])")
    assert order(opened) == ["c", "b", "a"]
    assert opened.evaluate("glides") == 0


def test_another_origin_with_a_key(page: Page, shop: Served, tmp_path: Path) -> None:
    origin = {"cors_origins": shop.url, "api_key": "secret"}
    with serving(tmp_path, app=shop.runtime.app, **origin) as other:
        page.goto(f"{shop.url}/shop")
        options = {"base": other.url, "key": "secret"}
        page.evaluate(f"sessionStorage.setItem('options', '{json.dumps(options)}')")
        go(page, shop)
        page.evaluate(LISTEN)
        page.wait_for_function("lists.length === 1")
        page.evaluate("afresh.track('view', 'k1')")
        sent(page)
        assert accepted(other) == 1
        assert page.evaluate("afresh.recommend()")["fresh"]
        page.evaluate("afresh.identify('ann')")
        page.wait_for_function("lists.length === 2")

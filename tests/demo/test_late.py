"""A pipeline that is late, in a real browser: clicks are held back, and what that costs."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import Page, expect
from tests.demo.conftest import Demo, ids, opened


def test_a_late_pipeline_holds_clicks_back(page: Page, demo: Demo) -> None:
    page.clock.install()
    sent: list[str] = []
    page.on("request", lambda r: sent.append(r.url) if "/v1/events" in r.url else None)
    opened(page, demo, "h5")
    before = ids(page)
    page.locator("#late").fill("1")
    expect(page.locator("#late-title")).to_have_text("The pipeline is a minute late")
    page.locator("#now .look").first.click()
    expect(page.locator("#said")).to_contain_text("on its way; the pipeline is a minute late")
    expect(page.locator("#late-note")).to_contain_text("1 click is on the way; the next arrives in")
    page.clock.fast_forward(50_000)
    assert ids(page) == before
    assert sent == []
    page.reload()  # what is on its way is kept
    expect(page.locator("#late-title")).to_have_text("The pipeline is a minute late")
    expect(page.locator("#late-note")).to_contain_text("1 click is on the way")
    page.clock.fast_forward(11_000)
    expect(page.locator("#said")).to_contain_text("Arrived late: ")
    assert before[0] not in ids(page)
    assert len(sent) == 1


def test_on_time_again_everything_arrives_at_once(shop: Page) -> None:
    shop.locator("#late").focus()
    for _ in range(3):
        shop.keyboard.press("ArrowRight")
    expect(shop.locator("#late-title")).to_have_text("The pipeline is an hour late")
    before = ids(shop)
    for at in (0, 1):
        shop.locator("#now .look").nth(at).click()
        expect(shop.locator("#late-note")).to_contain_text("click is" if at == 0 else "2 clicks")
    assert ids(shop) == before
    shop.locator("#late").fill("0")
    expect(shop.locator("#late-note")).to_have_text("A click is in the next answer.")
    after = ids(shop)
    assert before[0] not in after
    assert before[1] not in after


def test_what_others_do_is_held_back_too(shop: Page, demo: Demo) -> None:
    before = ids(shop)
    shop.locator("#late").fill("1")
    expect(shop.locator("#late-title")).to_have_text("The pipeline is a minute late")
    seen = {"event_type": "view", "user_id": "h4", "session_id": "elsewhere", "item_id": before[0]}
    body = json.dumps({**seen, "timestamp": int(time.time() * 1000)}).encode()
    request = urllib.request.Request(
        f"{demo.url}/v1/events", body, {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=30).close()
    shop.wait_for_timeout(1500)
    assert ids(shop) == before
    shop.locator("#late").fill("0")
    expect(shop.locator(f'#now [data-id="{before[0]}"]')).to_have_count(0)


def test_the_page_measures_what_lateness_costs(shop: Page, demo: Demo) -> None:
    people = json.load(urllib.request.urlopen(f"{demo.url}/demo/households", timeout=30))
    shop.locator("#measure").click()
    expect(shop.locator("#measure")).to_have_text("Measure again", timeout=60_000)
    rows = shop.locator("#worth li")
    expect(rows).to_have_count(4)
    for row in rows.all_inner_texts():
        assert re.search(r"\d+\.\d %\s± \d+\.\d", row), row
    visits = len(people["households"])
    expect(shop.locator("#worth-note")).to_contain_text(f"products in {visits} visits;")


def test_nobody_else_is_measured(demo: Demo) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{demo.url}/demo/freshness/nobody", timeout=30)

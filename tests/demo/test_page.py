"""The page, in a real browser against the real server: a click changes the list."""

from __future__ import annotations

import json
import re
import urllib.request

import pytest
from playwright.sync_api import Page, expect
from tests.demo.conftest import Demo, ids, opened


def done(page: Page) -> None:
    expect(page.locator("#pulse")).to_have_attribute("data-state", "done")


def test_a_click_changes_the_list(shop: Page) -> None:
    before = ids(shop)
    assert len(before) == 12
    assert len(ids(shop, "trending")) > 0
    shop.locator("#now .look").first.click()
    done(shop)
    after = ids(shop)
    assert after != before
    assert before[0] not in after, "what was looked at makes room"
    new = len(set(after) - set(before))
    moved = sum(i in before and before.index(i) != at for at, i in enumerate(after))
    products = "product" if new == 1 else "products"
    expect(shop.locator("#said small")).to_have_text(f"{new} new {products}, {moved} moved")
    for step in ("durable", "answered", "freshness"):
        expect(shop.locator(f"#{step}")).to_have_text(re.compile(r"^[\d.]+ ms$"))
    assert shop.locator("#offset").inner_text() not in ("", "–")
    assert shop.evaluate("glides") > 0
    title = shop.locator("#recent li").first.inner_text()
    expect(shop.locator("#similar-title")).to_have_text(f"Because you looked at “{title}”")


def test_the_keyboard_is_enough(shop: Page) -> None:
    shop.keyboard.press("Tab")
    expect(shop.locator(".skip")).to_be_focused()
    shop.keyboard.press("Enter")
    shop.keyboard.press("Tab")
    cards = shop.locator("#now .card")
    expect(cards.nth(0).locator(".look")).to_be_focused()
    shop.keyboard.press("ArrowRight")
    expect(cards.nth(1).locator(".look")).to_be_focused()
    shop.keyboard.press("ArrowDown")
    shop.keyboard.press("ArrowUp")
    expect(cards.nth(1).locator(".look")).to_be_focused()
    before = ids(shop)
    shop.keyboard.press("Enter")
    done(shop)
    assert before[1] not in ids(shop)
    expect(cards.nth(1).locator(".look")).to_be_focused()


def test_buying_is_spending(shop: Page) -> None:
    def spent() -> float:
        return float(shop.locator("#spend").inner_text().strip("$").replace(",", ""))

    before = spent()
    card = shop.locator("#now .card").first
    price = float(card.locator(".price").inner_text().strip("$"))
    card.get_by_role("button", name="Buy").click()
    done(shop)
    expect(shop.locator("#said")).to_contain_text("Bought:")
    expect(shop.locator("#spend")).not_to_have_text(f"${before:,.2f}")
    assert spent() == pytest.approx(before + price, abs=0.001)
    shop.locator("#now .card").first.get_by_role("button", name="Add to cart").click()
    expect(shop.locator("#said")).to_contain_text("In the cart:")


def test_another_household_has_its_own_list(shop: Page) -> None:
    name, about = shop.locator("#name").inner_text(), shop.locator("#about").inner_text()
    assert name == "Household 4"
    assert about.startswith("One adult · aged 65+")
    shop.locator("#another").click()
    expect(shop.locator("#name")).not_to_have_text(name)
    expect(shop.locator("#said")).to_have_text("Click a product and watch what changes.")
    number = shop.locator("#name").inner_text().removeprefix("Household ")
    assert shop.url.endswith(f"#h{number}")


def test_trending_has_two_windows(shop: Page) -> None:
    week = shop.get_by_role("button", name="7 days")
    day = ids(shop, "trending")
    with shop.expect_response(lambda r: "window=7d" in r.url):
        week.click()
    expect(week).to_have_attribute("aria-pressed", "true")
    shop.wait_for_function(f"document.querySelectorAll('#trending .card').length >= {len(day)}")


def test_who_wants_no_motion_gets_none(shop: Page, demo: Demo) -> None:
    shop.emulate_media(reduced_motion="reduce")
    shop.reload()
    expect(shop.locator("#said")).to_have_text("Click a product and watch what changes.")
    shop.locator("#now .look").first.click()
    done(shop)
    assert shop.evaluate("glides") == 0


def test_titles_are_text_and_nothing_else(shop: Page, demo: Demo) -> None:
    title = "<img src=x onerror=alert(1)> & <b>milk</b>"
    record = {"title": title, "category": "<i>", "department": "<u>", "brand": "", "in_stock": True}
    item = ids(shop)[0]
    request = urllib.request.Request(
        f"{demo.url}/v1/items/{item}",
        json.dumps({**record, "price_cents": 100}).encode(),
        {"Content-Type": "application/json"},
        method="PUT",
    )
    urllib.request.urlopen(request, timeout=30).close()
    shop.reload()
    card = shop.locator(f'#now .card[data-id="{item}"]')
    expect(card.locator(".title")).to_have_text(title)
    assert shop.locator(".card img, .card b, .card i, .card u").count() == 0


def test_trouble_is_said_kindly_and_can_be_tried_again(page: Page, demo: Demo) -> None:
    opened(page, demo)
    sent: list[str] = []
    page.on("request", lambda r: sent.append(r.post_data or "") if "/events" in r.url else None)
    page.route("**/v1/events", lambda route: route.abort())
    page.locator("#now .look").first.click()
    expect(page.locator("#trouble")).to_contain_text("The server does not answer.")
    page.unroute("**/v1/events")
    page.locator("#retry").click()
    expect(page.locator("#trouble")).to_be_hidden()
    expect(page.locator("#said")).to_contain_text("You looked at")
    assert len(sent) == 2
    assert sent[0] == sent[1], "tried again, it is the same event"


def test_a_refusal_shows_what_the_server_said(page: Page, demo: Demo) -> None:
    opened(page, demo)
    problem = {"title": "Too many", "detail": "The queue is full.", "hint": "Try again in 1 s."}
    page.route("**/v1/recommend", lambda route: route.fulfill(status=429, json=problem))
    page.locator("#now .look").first.click()
    expect(page.locator("#trouble-text")).to_have_text("The queue is full. Try again in 1 s.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(shop: Page, scheme: str) -> None:
    shop.set_viewport_size({"width": 360, "height": 740})
    shop.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    assert shop.evaluate("document.documentElement.scrollWidth") == 360
    ink, ground = shop.evaluate(
        "(s => [s.color, s.backgroundColor])(getComputedStyle(document.body))"
    )
    assert (sum(map(int, re.findall(r"\d+", ink)[:3])) > 380) == (scheme == "dark")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 380) == (scheme == "dark")


def test_the_terms_of_the_data_are_named(shop: Page) -> None:
    expect(shop.locator("footer")).to_contain_text("provided by 84.51°, for research and")


def test_every_row_has_its_title(shop: Page) -> None:
    expect(shop.locator("#now-title")).to_have_text("For you now")
    expect(shop.locator("#similar-title")).to_contain_text("Because you ")
    expect(shop.locator("#trending-title")).to_have_text("Trending this week in Cold cereal")
    expect(shop.locator("#new-title")).to_have_text("New and promising")
    kinds = shop.locator("#trending .kind").all_inner_texts()
    assert kinds
    assert {kind.partition(" ·")[0] for kind in kinds} == {"Cold cereal"}
    assert len(ids(shop, "new")) > 0


def test_why_this_says_what_each_term_added(shop: Page) -> None:
    with shop.expect_response("**/v1/explain/*") as explained:
        shop.locator("#now .why").first.click()
    told, first = explained.value.json(), ids(shop)[0]
    assert first in {item["item_id"] for item in told["answer"]["items"]}
    terms = next(item["terms"] for item in told["items"] if item["item_id"] == first)
    panel = shop.get_by_role("dialog")
    expect(panel.locator("h3")).to_have_text(shop.locator("#now .title").first.inner_text())
    assert panel.locator("#why-reason").inner_text() != ""
    assert panel.locator("#why-sources li").count() > 0
    bars = panel.locator(".shares li")
    expect(bars).to_have_count(min(4, len(terms)))
    weight = sum(abs(value) for value in terms.values())
    largest = max(terms.values(), key=abs)
    share = abs(float(bars.first.locator("meter").evaluate("meter => meter.value")))
    assert share == pytest.approx(abs(largest) / weight, abs=0.001)


def test_why_this_by_keyboard(shop: Page) -> None:
    why = shop.locator("#now .why").first
    why.focus()
    shop.keyboard.press("Enter")
    expect(shop.get_by_role("dialog")).to_be_visible()
    expect(why).to_have_attribute("aria-expanded", "true")
    expect(shop.locator("#why-close")).to_be_focused()
    shop.keyboard.press("Escape")
    expect(shop.locator("#why")).to_be_hidden()
    expect(why).to_be_focused()
    expect(why).to_have_attribute("aria-expanded", "false")


def test_a_row_of_one_source_has_a_reason_too(shop: Page) -> None:
    shop.locator("#trending .why").first.click()
    expect(shop.locator("#why-reason")).to_have_text("Popular in the last 7d")
    expect(shop.locator("#why-terms")).to_contain_text("One source alone")


def test_the_strip_says_which_features_moved(shop: Page) -> None:
    looked = int(shop.locator("#looked").inner_text().split()[0])
    card = shop.locator("#now .card").first
    category = card.locator(".kind").inner_text().partition(" ·")[0]
    card.locator(".look").click()
    done(shop)
    moved = shop.locator("#changes li")
    expect(moved.filter(has_text="Looked at this hour")).to_have_text(
        f"Looked at this hour {looked} → {looked + 1}"
    )
    interest = moved.filter(has_text=category).first.inner_text()
    before, after = map(float, re.findall(r"([\d.]+) → ([\d.]+)$", interest)[0])
    assert after - before == pytest.approx(1, abs=0.11)


def test_a_click_in_another_tab_changes_this_one(shop: Page, demo: Demo) -> None:
    other = shop.context.new_page()
    opened(other, demo)
    before = ids(shop)
    title = other.locator("#now .title").first.inner_text()
    other.locator("#now .look").first.click()
    done(other)
    expect(shop.locator("#said")).to_contain_text(f"In another window: {title}.")
    expect(shop.locator("#changes")).to_contain_text("Looked at this hour")
    assert ids(shop) != before
    # They asked some moments apart, in which what fades has faded.
    assert len({*ids(shop)} & {*ids(other)}) >= len(before) - 2


def test_what_is_pushed_does_not_move_for_who_wants_no_motion(shop: Page, demo: Demo) -> None:
    shop.emulate_media(reduced_motion="reduce")
    shop.reload()
    expect(shop.locator("#said")).to_have_text("Click a product and watch what changes.")
    other = shop.context.new_page()
    opened(other, demo)
    other.locator("#now .look").first.click()
    expect(shop.locator("#said")).to_contain_text("In another window")
    assert shop.evaluate("glides") == 0


def test_another_tab_of_another_household_changes_nothing_here(shop: Page, demo: Demo) -> None:
    other = shop.context.new_page()
    opened(other, demo, "h8")
    other.locator("#now .look").first.click()
    done(other)
    shop.wait_for_timeout(300)
    expect(shop.locator("#said")).to_have_text("Click a product and watch what changes.")

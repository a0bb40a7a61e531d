"""The pages of the examples, on real servers with their made-up items."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.serve.conftest import Served, serving

from afresh.loading import load
from afresh.settings import Settings
from afresh.transfer import import_files

EXAMPLES = Path(__file__).parents[2] / "examples"


@contextmanager
def example(name: str, data: Path) -> Iterator[Served]:
    """What the example's docstring says to do: import its items, serve its page."""
    app = load(EXAMPLES / f"{name}.py")
    items = EXAMPLES / f"{name}.ndjson"
    report = import_files(app, data, Settings(), items=items)
    assert report.rejects == []
    assert 20 <= report.items <= 40
    with serving(data, app=app, site=EXAMPLES / "pages" / f"{name}.html") as served:
        yield served


@pytest.fixture
def shown(page: Page, tmp_path: Path) -> Iterator[Callable[[str], Page]]:
    """Opens the page of an example; at the end nothing may have been said on its console."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    servers: list[AbstractContextManager[Served]] = []

    def show(name: str) -> Page:
        servers.append(example(name, tmp_path / name))
        page.goto(servers[-1].__enter__().url)
        expect(page.locator(".card").first).to_be_visible()
        return page

    yield show
    for server in servers:
        server.__exit__(None, None, None)
    assert said == []


def ids(row: Locator) -> list[str]:
    found: list[str] = row.locator(".card").evaluate_all("cards => cards.map(c => c.dataset.id)")
    return found


def record(name: str, key: str) -> dict[str, str]:
    """A field of the example's items by id."""
    rows = map(json.loads, (EXAMPLES / f"{name}.ndjson").read_text().splitlines())
    return {row["item_id"]: row[key] for row in rows}


def changed(row: Locator, before: list[str]) -> list[str]:
    expect(row.locator(".card").first).to_be_visible()
    row.page.wait_for_function(
        "([id, before]) => [...document.querySelectorAll(`#${id} .card`)]"
        ".map(c => c.dataset.id).join() !== before",
        arg=[row.get_attribute("id"), ",".join(before)],
    )
    return ids(row)


def test_a_pause_on_a_title_brings_up_what_is_like_it(shown: Callable[[str], Page]) -> None:
    page, genre = shown("video"), record("video", "genre")
    row = page.locator("#list")
    before = ids(row)
    title = next(id_ for id_ in before if genre[id_] == "Space")
    row.locator(f"[data-id={title}]").hover()
    expect(row.locator("[data-counts] .stay")).to_have_text("3 s")
    assert ids(row) == before, "while somebody rests on it, nothing moves"
    page.mouse.move(0, 0)
    after = changed(row, before)
    assert [genre[id_] for id_ in after[:4]].count("Space") >= 3
    expect(page.locator("#said")).to_contain_text("3 s on “Countdown to Nowhere”: ")
    expect(page.locator("#bars")).to_have_text("Space3 s")


def test_scrolling_past_says_nothing_and_the_keyboard_can_rest_too(
    shown: Callable[[str], Page],
) -> None:
    page = shown("video")
    row, sent = page.locator("#list"), []
    page.on("request", lambda r: sent.append(r.url) if "/v1/events" in r.url else None)
    before = ids(row)
    row.locator(".card").nth(0).hover()
    page.wait_for_timeout(1200)
    page.mouse.move(0, 0)
    row.locator(".poster").nth(0).focus()
    page.keyboard.press("Tab")
    page.wait_for_timeout(3200)
    assert sent == [], "the focus is still on the card"
    page.keyboard.press("Tab")
    changed(row, before)
    assert len(sent) == 1


def test_what_was_watched_is_not_shown_again(shown: Callable[[str], Page]) -> None:
    page = shown("video")
    row = page.locator("#list")
    before = ids(row)
    row.get_by_role("button", name="Watch ").first.click()
    assert before[0] not in changed(row, before)
    expect(row.locator(".poster").first).to_be_focused()


def test_a_skip_sinks_what_is_like_it_in_the_mood_alone(shown: Callable[[str], Page]) -> None:
    page, genre = shown("music"), record("music", "genre")
    mood, taste = page.locator("#mood"), page.locator("#taste")
    before = ids(mood)
    assert ids(taste) == before
    dance = next(id_ for id_ in before if genre[id_] == "Dance")
    mood.locator(f"[data-id={dance}]").get_by_role("button", name="Play").click()
    played = changed(mood, before)
    assert [genre[id_] for id_ in played[:4]] == ["Dance"] * 4
    expect(page.locator("#moods")).to_have_text("upbeat1")
    expect(page.locator("#genres")).to_have_text("Dance1")
    kept = changed(taste, before)
    mood.locator(".card").first.get_by_role("button", name="Skip").click()
    skipped = changed(mood, played)
    dances = [[genre[id_] for id_ in found].count("Dance") for found in (played, skipped)]
    assert dances[1] < dances[0]
    assert ids(taste) == kept
    page.get_by_role("button", name="New session").click()
    changed(mood, skipped)
    expect(page.locator("#moods")).to_have_text("Nothing yet.")
    expect(page.locator("#genres")).to_have_text("Dance1")
    assert ids(taste) == kept, "the taste outlives the session"
    page.get_by_role("button", name="Forget me").click()
    changed(taste, kept)
    expect(page.locator("#genres")).to_have_text("Nothing yet.")


def test_the_place_and_the_hour_decide_what_is_near_and_open(
    shown: Callable[[str], Page],
) -> None:
    page, opens = shown("food"), record("food", "opens")
    row = page.locator("#list")
    harbour = ids(row)
    page.get_by_role("radio", name="Hill").check(force=True)
    hill = changed(row, harbour)
    assert not set(hill) & set(harbour)
    page.locator("#hour").fill("8")
    morning = changed(row, hill)
    assert morning
    assert all(float(opens[id_]) <= 8 for id_ in morning)
    expect(page.locator("#said")).to_have_text("2 of 28 within 5 km of the Hill, open at 8:00")
    page.locator("#hour").fill("3")
    expect(row.locator(".card")).to_have_count(0)


def test_what_is_looked_for_comes_up(shown: Callable[[str], Page]) -> None:
    page, cuisine = shown("food"), record("food", "cuisine")
    row = page.locator("#list")
    page.get_by_role("radio", name="University").check(force=True)
    page.locator("#hour").fill("19")
    expect(page.locator("#said")).to_contain_text("University, open at 19:00")
    assert cuisine[ids(row)[0]] != "Japanese"
    page.locator("#words").fill("sushi")
    expect(row.locator("[data-found]").first).to_be_visible()
    row.locator(".card").first.get_by_role("button", name="Look").click()
    expect(page.locator("#searched b")).to_have_text("sushi 1.0")
    page.locator("#words").fill("")
    page.get_by_role("radio", name="Station").check(force=True)
    expect(row.locator(".card .title").first).to_have_text("Platform Sushi")


@pytest.mark.parametrize("name", ["video", "music", "food"])
def test_it_fits_a_phone_in_both_themes(shown: Callable[[str], Page], name: str) -> None:
    page = shown(name)
    page.set_viewport_size({"width": 360, "height": 740})
    grounds = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2

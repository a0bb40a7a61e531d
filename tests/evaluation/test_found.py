"""What is made of an outcome: sources, losses, segments, variety, a summary and its page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Page
from tests.evaluation.histories import Products, event, shop, walks, written

from afresh import App, neighbours, newcomers
from afresh.errors import BadRequest
from afresh.evaluation.beyond import beyond, gini
from afresh.evaluation.outcome import Outcome
from afresh.evaluation.report import page as report_page
from afresh.evaluation.run import evaluate
from afresh.evaluation.segments import segments
from afresh.evaluation.sources import lost, recalls
from afresh.evaluation.summary import Summary
from afresh.evaluation.terminal import lines
from afresh.evaluation.wanted import DAY_MS, FRESHNESS, Wanted

ROWS = [  # item, rank, repeat, age, known, events, candidate, found a, found b
    (0, 1, True, 5, 2, 4, True, True, False),
    (1, 3, False, DAY_MS, 2, 9, True, True, True),
    (2, 0, False, -1, 0, 0, False, False, False),
    (3, 0, False, DAY_MS - 1, 1, 5, True, False, True),
    (0, 0, True, 9, 0, 1, False, False, False),
]
NAMES = ["item", "rank", "repeat", "age", "known", "events", "candidate", "found a", "found b"]


def outcome(**wanted: object) -> Outcome:
    targets = pl.DataFrame(ROWS, schema=NAMES, orient="row").with_columns(
        pl.int_range(len(ROWS)).alias("question"),
        pl.int_range(len(ROWS)).alias("visitor"),
        pl.Series("event", [f"e{n}" for n in range(len(ROWS))]),
    )
    lists = np.array([[0, 1], [2, 1], [1, -1], [-1, -1], [0, 1]])
    return Outcome(
        Wanted(**{"at": (1, 2), **wanted}),  # type: ignore[arg-type]
        targets, lists, ["p", "q", "r", "s"], ["a", "b"], np.array([4, 2, 1, 1]), 0, 0, {}, 0.0,
    )  # fmt: skip


def test_what_each_source_found_and_found_alone() -> None:
    found = {each.source: each for each in recalls(outcome())}
    assert (found["a"].recall.value, found["a"].alone.value) == (0.4, 0.2)
    assert (found["b"].recall.value, found["b"].alone.value) == (0.4, 0.2)
    assert (found["all"].recall.value, found["all"].alone.value) == (0.6, 0.4)
    assert found["a"].new.value == pytest.approx(1 / 3, abs=1e-6)


def test_every_target_went_somewhere() -> None:
    went = lost(outcome().targets, 2)
    assert (went.shown, went.outranked, went.not_found, went.unknown) == (0.2, 0.4, 0.2, 0.2)


def test_segments_cut_at_their_borders() -> None:
    found = {(s.field, s.value): s for s in segments(outcome(), 2, pl.DataFrame(), None)}
    assert found["age of the item", "young, under 1d"].scores.questions == 3
    assert found["age of the item", "older"].scores.questions == 1
    assert found["age of the item", "no event before"].scores.questions == 1
    assert found["visitor", "cold"].scores.questions == 2
    assert found["item", "repeat"].scores.measures["HR"][2].value == 0.5
    by_events = {v: s.scores.questions for (f, v), s in found.items() if "events" in f}
    assert by_events == {"none": 1, "under 5": 2, "5 and more": 2}
    assert sum(s.share for s in found.values()) == pytest.approx(5)


def test_segments_of_a_field_of_the_catalogue_or_of_the_events() -> None:
    events = pl.DataFrame({"event_id": [f"e{n}" for n in range(5)], "properties.place": [*"xxyyz"]})
    catalogue = pl.DataFrame({"item_id": ["p", "q", "r"], "kind": ["one", "two", "one"]})
    made = segments(outcome(by=("kind", "place")), 2, events, catalogue)
    counts = {(s.field, s.value): s.scores.questions for s in made}
    assert (counts["kind", "one"], counts["kind", "two"], counts["kind", "none"]) == (3, 1, 1)
    assert (counts["place", "x"], counts["place", "y"], counts["place", "z"]) == (2, 2, 1)
    with pytest.raises(BadRequest, match="a field 'kinds'") as error:
        segments(outcome(by=("kinds",)), 2, events, catalogue)
    assert "kind" in error.value.hint


def test_many_values_are_few_segments_and_numbers_are_ranges() -> None:
    wide = outcome(by=("price",))
    wide.targets = pl.concat([wide.targets] * 6).with_columns(
        pl.Series("event", [f"e{n}" for n in range(30)]), pl.int_range(30).alias("question")
    )
    many = pl.DataFrame({"event_id": [f"e{n}" for n in range(30)], "properties.price": range(30)})
    values = [s.value for s in segments(wide, 2, many, None) if s.field == "price"]
    assert set(values) == {"0 to 7.25", "7.25 to 14.5", "14.5 to 21.75", "21.75 to 29"}
    texts = many.with_columns(("v" + pl.col("properties.price").cast(pl.String)).alias("word"))
    wide.wanted = Wanted(at=(1, 2), by=("word",))
    values = [s.value for s in segments(wide, 2, texts, None) if s.field == "word"]
    assert len(values) == 12
    assert values[-1] == "19 others"


def test_variety_of_lists_known_by_heart() -> None:
    fields = np.array([[0, 5], [0, 6], [1, 7], [1, 8]])
    lists = np.array([[0, 1], [0, 1], [0, -1]])
    found = beyond(lists, np.array([8, 4, 2, 2]), 4, fields)
    assert (found.shown, found.coverage, found.empty) == (2, 0.5, pytest.approx(1 / 6, abs=1e-6))
    assert found.novelty.value == pytest.approx((1.5 + 1.5 + 1) / 3, abs=1e-6)
    assert found.diversity is not None
    assert found.diversity.value == 0.5  # of the two fields they share one
    assert beyond(lists, np.array([8, 4, 2, 2]), 4, None).diversity is None


@given(st.lists(st.integers(0, 20), min_size=1, max_size=12).filter(any))
def test_gini_is_half_the_mean_distance_by_the_mean(counts: list[int]) -> None:
    values = np.array(counts)
    plain = np.abs(values[:, None] - values[None]).mean() / (2 * values.mean())
    assert gini(values[values > 0], len(values)) == pytest.approx(plain)


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    """A run with everything: a catalogue, a curve, another run to compare with."""
    folder = tmp_path_factory.mktemp("run")
    events = [{**e, "properties.place": "<b>&" if n % 3 else "sea"}
              for n, e in enumerate(walks(60))]  # fmt: skip
    path = written(events, folder / "events.parquet")
    items = [
        {"item_id": f"i{n}", "title": f"t{n}", "kind": f"k{n % 3}", "price": n} for n in range(12)
    ]
    app = App("whole", catalog=Products, features=[])
    app.event("view", place=str)
    app.surface("home", sources=[neighbours(), newcomers()], filters=[])
    first = written(items, folder / "items.parquet")
    saved, wanted = folder / "saved.parquet", Wanted(sample=60, by=("place", "kind"))
    evaluate(app, path, Wanted(sample=60, model_lag=None), items=first, save=saved)
    return evaluate(app, path, wanted, items=first, freshness=True, against=saved)


def test_a_run_has_all_that_is_promised(summary: Summary) -> None:
    assert (summary.questions, summary.items) == (60, 12)
    assert {s.field for s in summary.segments} >= {"place", "kind", "item", "visitor"}
    assert summary.beyond.diversity is not None
    lags = [lag for lag in FRESHNESS if lag]
    assert [p.lag for p in summary.curve] == [*FRESHNESS, *lags]
    assert summary.curve[0].hr == summary.overall.measures["HR"][20]
    assert summary.compared is not None
    assert summary.compared.questions == 60
    text = "\n".join(lines(summary))
    assert "test-then-learn in time order, index up to the event" in text
    assert "neighbours" in text


def test_the_page_holds_the_numbers_and_asks_nobody(summary: Summary) -> None:
    said = report_page(summary)
    assert not re.search(r"(src|href|url)\s*[=(]", said)
    assert "http" not in re.sub(r"<svg.*?</svg>", "", said)
    assert "<b>&" not in said.replace("<b>&amp;", "")
    inside = re.search(r'<script type="application/json" id="summary">(.*?)</script>', said, re.S)
    assert inside
    assert json.loads(inside[1]) == json.loads(msgspec.json.encode(summary))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_in_a_browser(page: Page, summary: Summary, tmp_path: Path, scheme: str) -> None:
    (tmp_path / "report.html").write_text(report_page(summary), encoding="utf-8")
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for width in (380, 900):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto((tmp_path / "report.html").as_uri())
        assert page.locator("h1").inner_text() == "whole, home"
        assert page.locator("section").count() == 8
        assert page.locator("svg").count() == 6
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_bad_catalogue_is_said_by_its_row(tmp_path: Path) -> None:
    items = written([{"item_id": "x", "unheard": 1}], tmp_path / "items.parquet")
    events = written([event("a", "x", n) for n in range(4)], tmp_path / "events.parquet")
    with pytest.raises(BadRequest, match="Row 1 of"):
        evaluate(shop(), events, Wanted(), items=items)


def test_a_curve_needs_time(tmp_path: Path) -> None:
    events = written(walks(5), tmp_path / "events.parquet")
    with pytest.raises(BadRequest, match="freshness curve needs time"):
        evaluate(shop(), events, Wanted(protocol="last"), freshness=True)

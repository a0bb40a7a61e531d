"""The examples are sound, say what they are documented to say, and type-check."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from afresh.features.describe import describe_plan
from afresh.features.plan import DAY_MS, Plan
from afresh.loading import check, load

EXAMPLES = Path(__file__).parents[1] / "examples"


def windows(plan: Plan) -> dict[str, list[tuple[str, int, int]]]:
    return {
        f.name: [(r.window.kind, r.window.width, r.window.size) for r in f.reads]
        for f in plan.features
    }


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_it_is_sound_and_fits_on_a_screen(path: Path) -> None:
    assert check(path) == []
    assert len(path.read_text().splitlines()) <= 80
    assert load(path).plan().to_json() == load(path).plan().to_json()


def test_the_shop_is_what_the_contract_says() -> None:
    app = load(EXAMPLES / "shop.py")
    plan = app.plan()
    assert [(e.name, e.weight) for e in plan.events] == [("view", 1), ("cart", 3), ("buy", 10)]
    for event in plan.events:
        assert {(f.name, f.kind) for f in event.fields} == {
            ("price_cents", "int"),
            ("quantity", "int"),
        }
    assert [(f.name, f.kind, f.default) for f in plan.catalog.fields] == [
        ("title", "str", None),
        ("category", "str", None),
        ("brand", "str", None),
        ("price_cents", "int", None),
        ("in_stock", "bool", True),
    ]
    said = windows(plan)
    assert said["views_now"] == [("tumbling", 300_000, 0)]
    assert said["views_hour"] == [("sliding", 60_000, 3_600_000)]
    assert said["views_week"] == [("daily", DAY_MS, 7)]
    assert said["conversion"] == [("daily", DAY_MS, 7)] * 2
    assert said["categories"] == [("decayed", 450_000, 0)]
    assert said["spend"] == [("daily", DAY_MS, 30)]
    keys = {f.name: f.key for f in plan.features}
    assert {n for n, key in keys.items() if key == "item_id"} == {
        "views_now",
        "views_hour",
        "views_week",
        "conversion",
    }
    # `recent` asks for 50 of what every user's history keeps anyway.
    assert [(s.key, s.types, s.n) for s in plan.sequences] == [("user_id", (0, 1, 2), 100)]
    assert next(f for f in plan.features if f.name == "recent").n == 50
    assert [surface.name for surface in app.surfaces] == ["home"]


def test_the_minimal_app_recommends_without_more() -> None:
    app = load(EXAMPLES / "minimal.py")
    assert app.plan().postings.types == (0, 1)
    assert app.surfaces[0].sources[0].name == "sessions"


def test_the_plan_can_be_read() -> None:
    said = describe_plan(load(EXAMPLES / "shop.py").plan())
    for line in (
        "shop: plan ",
        'ItemPulse.views_hour             item_id      count    sliding("1h", hop="1m")',
        "user_id × item.category          width 450s  reach 32h    n(view)",
        "user_id                          last 100 within 90d of view, cart, buy",
    ):
        assert line in said


@pytest.mark.slow
def test_a_type_checker_accepts_them_and_finds_a_typo(tmp_path: Path) -> None:
    shop = (EXAMPLES / "shop.py").read_text()
    wrong = tmp_path / "wrong.py"
    wrong.write_text(shop.replace("Products.category", "Products.categry"))
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary"]
    paths = [str(EXAMPLES / "shop.py"), str(EXAMPLES / "minimal.py")]
    fine = subprocess.run([*command, *paths], capture_output=True, text=True)
    assert fine.stdout == ""
    found = subprocess.run([*command, str(wrong)], capture_output=True, text=True)
    assert '"type[Products]" has no attribute "categry"' in found.stdout
    assert found.stdout.count("error:") == 1

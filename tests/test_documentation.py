"""The documentation says what the code does, and its pages ask no other machine."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import afresh
from afresh.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
TAGS = "script|link|img|iframe|source|video|audio"
LOADS = re.compile(rf"""<(?:{TAGS})\b[^>]*?\b(?:src|href)=["']?((?:https?:)?//[^"'> ]+)""")


def test_the_reference_is_what_the_code_says() -> None:
    """Every command, setting, route, metric, error and public name stands in it."""
    done = subprocess.run(
        [sys.executable, "scripts/reference", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_no_page_of_the_reference_is_empty_of_what_there_is() -> None:
    """What writes the pages may overlook something; this looks at the code in another way."""

    def page(name: str) -> str:
        return (DOCS / "reference" / f"{name}.md").read_text(encoding="utf-8")

    shown = subprocess.run(
        [sys.executable, "-m", "afresh.cli", "--help"],
        capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1", "COLUMNS": "100"},
    ).stdout  # fmt: skip
    commands = re.findall(r"^│ ([a-z]+) ", shown.split("Commands", 1)[1], re.M)
    assert {"serve", "demo", "import"} <= set(commands)
    titles = re.findall(r"^## afresh ([a-z]+)", page("commands"), re.M)
    assert [c for c in commands if c not in titles] == []
    fields = Settings.model_fields
    assert [f for f in fields if f"`{f}`" not in page("settings")] == []
    sources = "".join(p.read_text("utf-8") for p in (ROOT / "src/afresh/serve").glob("*.py"))
    routes = {re.sub(r":[a-z]+", "", r) for r in re.findall(r'"(/v1/[^"?]*)"', sources)}
    assert "/v1/recommend" in routes
    assert [r for r in sorted(routes) if r not in page("http")] == []
    assert [n for n in afresh.__all__ if f"{n}" not in page("python")] == []


def test_a_metric_is_found_wherever_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts" / "reference")
    page = importlib.import_module("page_metrics")
    source = tmp_path / "metrics.py"
    source.write_text(
        "import prometheus_client as p\n"
        "class Metrics:\n"
        "    def __init__(self, registry):\n"
        "        self.events = p.Counter('events', 'Events ' 'seen.', ['verdict'])\n"
    )
    assert list(page.declared(source)) == [
        ("events_total", "counter", ("verdict",), "Events seen.")
    ]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = ["-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_is_built(site: Path) -> None:
    for page in DOCS.rglob("*.md"):
        assert (site / page.relative_to(DOCS).with_suffix(".html")).exists()


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert pages
    found = {
        f"{page.relative_to(site)}: {address}"
        for page in pages
        for address in LOADS.findall(page.read_text(encoding="utf-8"))
    }
    assert not found, sorted(found)
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?https?:", sheet.read_text(encoding="utf-8")), sheet


@pytest.mark.parametrize("name", ["index.html", "concepts/windows.html"])
def test_a_browser_shows_the_page_and_asks_no_other_machine(
    site: Path, page: Page, name: str
) -> None:
    page.goto((site / name).as_uri())
    page.wait_for_load_state("networkidle")
    assert page.inner_text("h1").strip("¶\n ")
    assert page.locator("table").count()


def test_a_foreign_address_would_be_found() -> None:
    assert LOADS.findall('<link rel="stylesheet" href="https://fonts.example/css">')
    assert not LOADS.findall('<a href="https://example.org">elsewhere</a>')


def test_no_setting_is_without_a_meaning() -> None:
    from afresh.settings import Settings

    assert not [name for name, field in Settings.model_fields.items() if not field.description]

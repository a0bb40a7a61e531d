"""What the tutorial tells a newcomer to write does what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from afresh.loading import check, load

PAGE = (Path(__file__).parents[1] / "docs" / "tutorial.md").read_text(encoding="utf-8")


def block(title: str) -> str:
    """The code block of that title."""
    found = re.search(rf'^```\w+ title="{re.escape(title)}"\n(.*?)^```', PAGE, re.M | re.S)
    assert found, f"no block {title}"
    return found.group(1)


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    """The file as it is first written, with its mistake."""
    path = tmp_path / "videos.py"
    path.write_text(block("videos.py"), encoding="utf-8")
    return path


def test_check_reports_the_mistake_as_printed(definition: Path) -> None:
    shown = "\n".join(map(str, check(definition))).replace(f"{definition.parent}/", "")
    assert shown == block("check").strip()


def test_the_mended_definition_compiles(definition: Path) -> None:
    text = definition.read_text(encoding="utf-8")
    definition.write_text(text.replace("chanel", "channel"), encoding="utf-8")
    assert check(definition) == []
    named = {feature.name for feature in load(definition).plan().features}
    assert named == {"watches_hour", "recent", "channels"}


@pytest.mark.parametrize("title", ["items.ndjson", "events.ndjson"])
def test_the_sample_files_are_json_lines(title: str) -> None:
    for line in block(title).splitlines():
        assert json.loads(line)["item_id"]

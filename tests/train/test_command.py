"""`afresh train` and `afresh models`, as a person runs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.test_cli import afresh

ROOT = Path(__file__).parents[2]
DEFINITION = '''"""A shop to train on."""

from tests.train.shops import shop

app = shop()
'''


@pytest.fixture
def place(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a definition and a log, which holds the model `first`."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "app.py").write_text(DEFINITION)
    return tmp_path


def models(place: Path, *said: str, ok: bool = True) -> Any:
    action, *rest = said
    return afresh("models", action, "app.py", *rest, "--data", "data", cwd=place, ok=ok)


def test_from_training_to_promotion_and_back(place: Path) -> None:
    done = afresh(
        "train", "app.py", "--data", "data", "--rows", "40000", "--seed", "1", "--name", "second",
        "--promote", "--json", cwd=place,
    )  # fmt: skip
    report = json.loads(done.stdout)
    assert report["model"] == "second"
    listed = json.loads(models(place, "list", "--json").stdout)
    assert [(m["model"], m["ranks"]) for m in listed] == [("first", False), ("second", True)]
    assert models(place, "list").stdout.splitlines()[1].startswith("* second")
    shown = models(place, "show", "second").stdout
    assert "seed:        1" in shown
    assert "the online blend" in shown
    card = models(place, "card", "second").stdout
    assert card == (place / "data" / "models" / "second" / "card.md").read_text()
    differing = json.loads(models(place, "diff", "first", "second", "--json").stdout)
    assert differing["seed"] == [0, 1]
    assert "seed" in models(place, "diff", "first", "second").stdout
    assert models(place, "promote", "first").stdout == "first ranks from now on\n"
    assert models(place, "rollback").stdout == "second ranks again\n"
    assert models(place, "rollback").stdout == "No model ranks 'home' any more\n"
    assert models(place, "prune", "--keep", "0").stdout == "1 removed: first\n"
    assert [m["model"] for m in json.loads(models(place, "list", "--json").stdout)] == ["second"]


def test_what_cannot_be_promoted_is_refused_with_a_reason(place: Path) -> None:
    gone = models(place, "promote", "third", ok=False)
    assert gone.returncode == 1
    assert "There is no model 'third'" in gone.stderr
    (place / "app.py").write_text(DEFINITION.replace("shop()", 'shop(window="2h")'))
    changed = models(place, "promote", "first", ok=False)
    assert changed.returncode == 1
    assert "'views', which means something else" in changed.stderr
    assert json.loads(models(place, "list", "--json").stdout)[0]["ranks"] is False


def test_the_text_says_what_to_do_next(place: Path) -> None:
    done = afresh("train", "app.py", "--data", "data", "--rows", "40000", cwd=place)
    assert "HR@20 / MRR@20 / NDCG@20" in done.stdout
    assert "afresh models promote app.py home-" in done.stdout


def test_a_folder_that_is_none_is_named(place: Path) -> None:
    done = afresh("train", "app.py", "--data", "nowhere", cwd=place, ok=False)
    assert done.returncode == 1
    assert "nowhere" in done.stderr

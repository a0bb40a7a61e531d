"""`afresh evaluate`, as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from tests.evaluation.histories import walks, written
from tests.test_cli import afresh

APP = """
from afresh import App, neighbours, trending
app = App("walks")
app.event("view")
app.surface("home", sources=[neighbours(), trending("1h")], filters=[])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("walks")
    (made / "app.py").write_text(APP)
    events = [{**e, "part": "train" if n < 200 else "test"} for n, e in enumerate(walks(80))]
    written(events, made / "marked.parquet")
    plain = [{k: v for k, v in e.items() if k != "part"} for e in events]
    pl.DataFrame(plain).write_ndjson(made / "events.ndjson")
    return made


def test_it_says_how_good_it_is_and_writes_a_page(folder: Path) -> None:
    done = afresh(
        "evaluate", "app.py", "--events", "events.ndjson", "--least", "1", "--at", "3,10",
        "--report", "r.html", "--save", "a.parquet", cwd=folder,
    )  # fmt: skip
    assert "walks, surface home:" in done.stdout
    assert "test-then-learn in time order, index up to the event" in done.stdout
    assert "report: r.html" in done.stdout
    assert (folder / "r.html").read_text().startswith("<!doctype html>")
    again = afresh(
        "evaluate", "app.py", "--events", "events.ndjson", "--least", "1", "--at", "3,10",
        "--model-lag", "frozen", "--compare", "a.parquet", "--json", cwd=folder,
    )  # fmt: skip
    found = json.loads(again.stdout)
    assert found["overall"]["measures"]["HR"]["10"]["value"] > 0.5
    assert found["compared"]["left_out"] == 0


def test_a_given_split_and_the_last_of_each(folder: Path) -> None:
    split = afresh(
        "evaluate", "app.py", "--events", "marked.parquet", "--protocol", "split",
        "--test", "part=test", "--json", cwd=folder,
    )  # fmt: skip
    rows = pl.read_parquet(folder / "marked.parquet").filter(pl.col("part") == "test").height
    assert json.loads(split.stdout)["targets"] == rows
    last = afresh(
        "evaluate", "app.py", "--events", "events.ndjson", "--protocol", "last", "--json",
        cwd=folder,
    )  # fmt: skip
    assert json.loads(last.stdout)["questions"] == 80


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["app.py"], "Name a definition and --events"),
        (["app.py", "--events", "nowhere.csv"], "There is no file nowhere.csv"),
        (["app.py", "--events", "events.ndjson", "--at", "ten"], "is not like 1,5,10,20"),
        (["app.py", "--events", "events.ndjson", "--model-lag", "soon"], "is not like 0, 30s"),
        (["app.py", "--events", "events.ndjson", "--protocol", "split"], "go together"),
        (["app.py", "--events", "events.ndjson", "--surface", "hom"], "no surface 'hom'"),
        (["--policy", "uniform"], "--policy and --logged go together"),
    ],
)
def test_a_wrong_call_says_what_to_do(folder: Path, options: list[str], says: str) -> None:
    done = afresh("evaluate", *options, cwd=folder, ok=False)
    assert done.returncode in (1, 2)
    assert says in " ".join(done.stderr.replace("│", " ").split())


def test_off_policy_says_the_estimates_or_why_there_are_none(folder: Path) -> None:
    n = 4000
    frame = pl.DataFrame(
        {
            "item_id": [f"i{at % 2}" for at in range(n)],
            "propensity": [0.5] * n,
            "click": [float(at % 4 == 0) for at in range(n)],
        }
    )
    frame.write_csv(folder / "log.csv")
    policy = pl.DataFrame({"item_id": ["i0", "i1"], "probability": [0.8, 0.2]})
    policy.write_csv(folder / "policy.csv")
    said = afresh(
        "evaluate", "--policy", "policy.csv", "--logged", "log.csv", "--reward", "click", cwd=folder
    ).stdout
    assert "IPS" in said
    assert "DR" in said
    assert "0.40" in said  # 0.8 of a half
    frame.head(600).write_csv(folder / "short.csv")
    said = afresh(
        "evaluate", "--policy", "uniform", "--logged", "short.csv", "--reward", "click", cwd=folder
    ).stdout
    assert "refused: 600 effective samples are fewer than 1,000" in said

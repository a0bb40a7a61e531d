"""`afresh feast init`: the files of a repository, and what is never touched."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
import yaml
from tests.everything import app as everything
from tests.feast.conftest import EVERYTHING
from typer.testing import CliRunner

from afresh import App
from afresh.cli import app as cli
from afresh.errors import AfreshError
from afresh.feast.declared import declared, project_name, snake
from afresh.feast.repository import Places, files
from afresh.feast.types import feast_type
from afresh.loading import load

PLACES = Places("../app.py", "../data", None, "http://127.0.0.1:8000")


def init(folder: Path, *more: str) -> str:
    done = CliRunner().invoke(cli, ["feast", "init", str(EVERYTHING), str(folder), *more])
    if done.exception is not None:
        raise done.exception
    return done.output


def test_it_is_written_once_and_the_same_again(tmp_path: Path) -> None:
    folder = tmp_path / "features"
    assert init(folder).count("wrote") == 2
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert init(folder).count("kept") == 2
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    settings = yaml.safe_load(before["feature_store.yaml"])
    assert settings["project"] == "everything"
    assert (folder / settings["online_store"]["app"]).resolve() == EVERYTHING
    assert "store" not in settings["online_store"]


def test_a_dry_run_shows_what_would_be_and_writes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "features"
    shown = init(folder, "--dry-run", "--store", "redis://cache:6379/0")
    assert 'store: "redis://cache:6379/0"' in shown
    assert "by_item_view = FeatureView(" in shown
    assert not folder.exists()
    said = json.loads(init(folder, "--dry-run", "--json"))
    assert (
        sorted(said["files"])
        == sorted(said["changed"])
        == [
            "definitions.py",
            "feature_store.yaml",
        ]
    )
    assert not folder.exists()


@pytest.mark.parametrize("name", ["feature_store.yaml", "definitions.py"])
def test_what_somebody_else_wrote_stays(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("project: mine\n")
    with pytest.raises(AfreshError, match=f"{name} is not of `afresh feast init`"):
        init(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "project: mine\n"
    with pytest.raises(AfreshError, match="is a file"):
        init(tmp_path / name)


def test_types_are_those_of_the_values() -> None:
    plan = everything.plan()
    types = {feature.name: feast_type(feature) for feature in plan.features}
    assert {name: types[name] for name in ("minute", "people", "days", "levels")} == dict.fromkeys(
        ("minute", "people", "days", "levels"), "Int64"
    )
    floats = ("hour", "cheapest", "average", "spread", "convert", "fading")
    assert {types[name] for name in floats} == {"Float32"}
    assert types["recent"] == types["steps"] == "Array(String)"
    assert {types[name] for name in ("taste", "spent", "range_", "hours")} == {"Map"}


def test_every_feature_stands_in_one_view_and_every_view_in_two_services() -> None:
    plan = everything.plan()
    made = declared(plan)
    assert [name for view in made.views for name, _ in view.fields] == [
        feature.name for feature in sorted(plan.features, key=lambda f: _place(plan, f.group))
    ]
    assert {entity.name: entity.key for entity in made.entities} == {
        "item": "item_id", "user": "user_id", "session": "session_id",
        "brand": "brand", "item_category": "item.category",
    }  # fmt: skip
    assert made.services["everything"] == [view.name for view in made.views]
    assert made.services["by_item_category"] == ["by_category"]
    ast.parse(files(made, PLACES)["definitions.py"])


def _place(plan: object, group: str) -> int:
    groups = list(dict.fromkeys(f.group for f in plan.features))  # type: ignore[attr-defined]
    return groups.index(group)


def test_names_as_feast_takes_them() -> None:
    assert project_name("my-shop 2") == "my_shop_2"
    assert project_name("2nd") == "app_2nd"
    assert snake("ItemPulse") == "item_pulse"
    assert snake("HTTPViews2Day") == "httpviews2_day"


CLASH = """
from afresh import App, Features, count, sliding
app = App("clash")
view = app.event("view", 1, event=str, color=str)

class {one}(Features, key="item_id"):
    {name} = count(view, window=sliding("1h"))

class {two}(Features, key="{key}"):
    other = count(view, window=sliding("1h"))
"""


@pytest.mark.parametrize(
    ("one", "two", "key", "name", "what"),
    [
        ("ItemPulse", "Item_Pulse", "color", "first", "feature views would be called 'item_pulse'"),
        ("Events", "Other", "color", "first", "feature views would be called 'events'"),
        ("One", "Two", "event", "first", "entities would be called 'event'"),
        ("One", "Two", "color", "color", "'color' for a key"),
        ("One", "Two", "color", "event_timestamp", "'event_timestamp' for a key"),
    ],
)
def test_names_that_feast_could_not_tell_apart_are_refused(
    tmp_path: Path, one: str, two: str, key: str, name: str, what: str
) -> None:
    file = tmp_path / "app.py"
    file.write_text(CLASH.format(one=one, two=two, key=key, name=name))
    with pytest.raises(AfreshError, match=what):
        declared(load(file).plan())


def test_an_app_without_features_has_no_repository() -> None:
    app = App("empty")
    app.event("view", 1)
    with pytest.raises(AfreshError, match="no features"):
        declared(app.plan())

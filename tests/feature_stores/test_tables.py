"""Names that a vendor would refuse, or take for another, are refused before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from afresh.errors import AfreshError
from afresh.feature_stores.tables import Table, rfc3339, small, tables
from afresh.loading import load


def made(tmp_path: Path, **classes: str) -> list[Table]:
    """The tables of an app whose Features classes have one feature each, called so."""
    lines = ["from afresh import App, Features, count, daily", 'app = App("my-shop")']
    lines.append('view = app.event("view")')
    for number, (name, feature) in enumerate(classes.items(), 1):
        lines.append(f'class {name}(Features, key="user_id"):')
        lines.append(f"    {feature} = count(view, window=daily({number}))")
    file = tmp_path / "app.py"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return tables(load(file).plan())


def test_a_class_is_a_table_in_small_letters(tmp_path: Path) -> None:
    (table,) = made(tmp_path, UserNow2="views")
    assert (table.name, table.key, table.column) == ("my_shop_user_now2", "user_id", "user_id")
    assert [feature.name for feature in table.features] == ["views"]


@pytest.mark.parametrize("name", ["moment_ms", "timestamp", "größe"])
def test_a_name_that_is_taken_or_not_plain_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AfreshError, match=f"takes no name '{name}'"):
        made(tmp_path, UserNow=name)


def test_two_classes_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AfreshError, match="'my_shop_user_now', or has it twice"):
        made(tmp_path, UserNow="views", User_Now="days")


def test_moments_and_names_are_written_as_vendors_have_them() -> None:
    assert rfc3339(1_790_000_000_000) == "2026-09-21T14:13:20.000Z"
    assert small("ABTest") == "abtest"
    assert small("ItemPulse7d") == "item_pulse7d"

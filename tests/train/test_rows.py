"""Rows for other trainers are those that our own learns from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.train.shops import filled, history, shop

from afresh.errors import AfreshError
from afresh.rank.columns import Columns
from afresh.train.rows import write_rows
from afresh.train.run import Wanted, gathered

WANTED = Wanted(rows=5_000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("rows")
    filled(shop(), made, history(300))
    return made


def test_the_file_has_the_columns_of_the_matrix(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    said = write_rows(shop(), folder, WANTED, path)
    found = pl.read_parquet(path)
    examples = gathered(shop(), folder, WANTED, None, lambda *said: None).examples
    assert (said.rows, said.questions) == (len(found), len(examples))
    assert said.rows_from == "replay"
    names = Columns(shop().plan(), shop().surfaces[0].inputs).names
    assert tuple(found.columns[5:]) == names
    assert np.array_equal(found.select(names).to_numpy(), examples.x, equal_nan=True)
    assert found["grade"].to_list() == examples.grade.tolist()
    assert found["own"].to_numpy() == pytest.approx(np.log(examples.own))
    assert found["question"].is_sorted()
    assert found.group_by("question").agg(pl.col("ts").n_unique())["ts"].max() == 1
    worth = dict(found.select("grade", "gain").unique().iter_rows())
    assert worth[0] == 0
    assert worth[2] == pytest.approx(5 * worth[1])
    assert [p.name for p in tmp_path.iterdir()] == ["rows.parquet"]


def test_what_cannot_be_written_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(AfreshError, match="cannot be written") as caught:
        write_rows(shop(), folder, WANTED, tmp_path / "no folder" / "rows.parquet")
    assert caught.value.hint

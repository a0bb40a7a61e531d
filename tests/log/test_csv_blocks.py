"""A CSV file is read in blocks of bytes; where they are cut must not be seen."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afresh.log.files import formats, read_items, write_items


@settings(max_examples=30)
@given(cells=st.lists(st.text(st.sampled_from('a,"\n'), min_size=1), min_size=1, max_size=30))
def test_csv_cut_into_blocks_keeps_its_cells(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str]
) -> None:
    file = tmp_path_factory.mktemp("files") / "items.csv"
    write_items(file, [pl.DataFrame({"item_id": cells})])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formats, "BLOCK", 7)
        frames = list(read_items(file))
    assert [cell for frame in frames for cell in frame["item_id"]] == cells
    assert [row for frame in frames for row in frame["row"]] == list(range(1, len(cells) + 1))

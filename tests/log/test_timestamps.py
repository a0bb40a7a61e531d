"""Every form in which a file may give a moment."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from afresh.log.files.timestamps import milliseconds


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)), st.integers(-12, 14))
def test_every_form_of_a_moment_is_the_same_moment(moment: datetime, hours: int) -> None:
    exact = moment.replace(tzinfo=UTC)
    ms = (exact - datetime(1970, 1, 1, tzinfo=UTC)) // (datetime.resolution * 1000)
    shifted = pl.Series([exact]).dt.convert_time_zone(f"Etc/GMT{-hours:+d}")
    texts = [exact.isoformat(), exact.isoformat().replace("+00:00", "Z"), str(ms)]
    texts.append(next(iter(shifted)).isoformat())
    texts.append(exact.isoformat(" "))
    assert milliseconds(pl.Series(texts)).to_list() == [ms] * 5
    for unit in ("ns", "us"):
        assert milliseconds(pl.Series([exact], dtype=pl.Datetime(unit, "UTC"))).to_list() == [ms]  # type: ignore[arg-type]
    assert milliseconds(shifted).to_list() == [ms]

"""Reading ahead changes neither the order of entries nor what goes wrong, nor where."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from afresh.errors import CorruptData
from afresh.log import Entry
from afresh.log.ahead import read_ahead


def entries(n: int, threads: set[str], *, broken: bool = False) -> Iterator[Entry]:
    for offset in range(n):
        threads.add(threading.current_thread().name)
        yield Entry(offset, 1, "events", 0, 0, 0, b"")
    if broken:
        raise CorruptData("The next entry is damaged.")


@pytest.mark.parametrize("n", [0, 1, 2, 3, 50])
def test_entries_come_in_their_order_from_another_thread(n: int) -> None:
    threads: set[str] = set()
    assert [entry.offset for entry in read_ahead(entries(n, threads))] == list(range(n))
    assert threading.current_thread().name not in threads


@pytest.mark.parametrize("n", [0, 1, 7])
def test_an_error_comes_after_what_was_read_before_it(n: int) -> None:
    seen: list[int] = []
    reading = read_ahead(entries(n, set(), broken=True))
    with pytest.raises(CorruptData, match="damaged"):
        seen.extend(entry.offset for entry in reading)
    assert seen == list(range(n))


def test_whoever_stops_early_leaves_no_thread() -> None:
    before = threading.active_count()
    reading = read_ahead(entries(50, set()))
    next(reading)
    reading.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before

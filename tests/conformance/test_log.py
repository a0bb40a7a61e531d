"""Every log keeps the promise of `afresh.log.Log`. A new backend is one line in BACKENDS."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afresh.errors import Unavailable
from afresh.log import Entry, LateEvent, Log, Pending
from afresh.log.sqlite import SqliteLog

BACKENDS: dict[str, Callable[[Path], Log]] = {
    "sqlite": SqliteLog,
}

Open = Callable[[], Log]


@pytest.fixture(params=BACKENDS)
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the same log each time; the one before is closed."""
    logs: list[Log] = []

    def open_() -> Log:
        if logs:
            logs.pop().close()
        logs.append(BACKENDS[request.param](tmp_path / "data"))
        return logs[-1]

    yield open_
    for log in logs:
        log.close()


@pytest.fixture
def log(reopen: Open) -> Log:
    return reopen()


def events(n: int = 1, *, at: int = 0, to: int | None = None, arrival: int = 0) -> Pending:
    payload = f"{n} events at {at}".encode()
    return Pending("events", n, at, at if to is None else to, arrival, payload)


def items(*records: dict[str, object], arrival: int = 0) -> Pending:
    payload = b"".join(json.dumps(record).encode() + b"\n" for record in records)
    return Pending("items", len(records), arrival, arrival, arrival, payload)


def twice(log: Log, reopen: Open) -> Iterator[Log]:
    """The log as it is, then as it is found again."""
    yield log
    yield reopen()


def test_what_is_appended_is_read_back(log: Log, reopen: Open) -> None:
    assert (log.start, log.end, log.arrival, list(log.read())) == (0, 0, 0, [])
    sent = [events(3, at=5, to=9, arrival=7), items({"item_id": "a"}, arrival=7)]
    sent.append(replace(events(2, at=1, arrival=8), imported=True))
    assert log.append(sent[:2]) == [0, 3]
    assert log.append(sent[2:]) == [4]
    for held in twice(log, reopen):
        got = list(held.read())
        assert [replace(_pending(e), arrival=e.arrival) for e in got] == sent
        assert [e.offset for e in got] == [0, 3, 4]
        assert [e.offsets.tolist() for e in got] == [[0, 1, 2], [3], [4, 5]]
        assert (held.start, held.end, held.arrival) == (0, 6, 8)


def _pending(e: Entry) -> Pending:
    return Pending(e.kind, e.n, e.min_ts, e.max_ts, e.arrival, e.payload, e.imported)


def test_the_id_is_fixed(log: Log, reopen: Open) -> None:
    assert len(log.id) == 16
    assert int(log.id, 16) >= 0
    assert reopen().id == log.id


def test_read_gives_the_entries_that_overlap(log: Log) -> None:
    log.append([events(10) for _ in range(100)])
    for start, end in [(0, 1), (9, 10), (9, 11), (10, 10), (15, 990), (995, 2000), (1000, 1001)]:
        expected = [o for o in range(0, 1000, 10) if o < end and o + 10 > start and start < end]
        assert [e.offset for e in log.read(start, end)] == expected, (start, end)
    assert len(list(log.read(995))) == 1


def test_a_read_ends_where_the_log_ended_when_it_began(log: Log) -> None:
    log.append([events(), events()])
    reading = log.read()
    next(reading)
    log.append([events()])
    assert [e.offset for e in reading] == [1]


def test_arrival_never_decreases(log: Log, reopen: Open) -> None:
    log.append([events(arrival=5)])
    for held in twice(log, reopen):
        with pytest.raises(ValueError, match="arrived at 4"):
            held.append([events(arrival=5), events(arrival=4)])
        assert held.end == 1
    held.append([events(arrival=5)])


@pytest.mark.parametrize("entry", [events(0), events(at=5, to=4)])
def test_an_impossible_entry_is_refused(log: Log, entry: Pending) -> None:
    with pytest.raises(ValueError):
        log.append([events(), entry])
    assert (log.end, list(log.read())) == (0, [])


def test_since_finds_by_arrival(log: Log) -> None:
    arrivals = [0, 0, 3, 3, 3, 4, 9]
    log.append([events(n=k + 1, arrival=arrival) for k, arrival in enumerate(arrivals)])
    for arrival in range(11):
        expected = [a for a in arrivals if a >= arrival]
        assert [e.arrival for e in log.since(arrival)] == expected


def test_since_leaves_out_old_imports_alone(log: Log) -> None:
    shapes = [(True, 5), (False, 5), (True, 7), (False, 9), (True, 9)]
    entries = [replace(events(at=1, to=newest), imported=old) for old, newest in shapes]
    record = replace(items({"item_id": "a"}), imported=True)
    log.append([*entries, record])
    found = [(e.kind, e.imported, e.max_ts) for e in log.since(0, imported_from=7)]
    kept = [("events", old, newest) for old, newest in shapes if not old or newest >= 7]
    assert found == [*kept, ("items", True, 0)]


@settings(max_examples=30)
@given(
    spans=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=50),
    question=st.tuples(st.integers(0, 100), st.integers(0, 100)),
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_time_index_finds_every_overlap(
    backend: str,
    tmp_path_factory: pytest.TempPathFactory,
    spans: list[tuple[int, int]],
    question: tuple[int, int],
) -> None:
    log = BACKENDS[backend](tmp_path_factory.mktemp("log"))
    try:
        log.append([events(at=at, to=at + width) for at, width in spans])
        log.append([items({"item_id": "a"})])
        low, high = question
        expected = [i for i, (at, width) in enumerate(spans) if at < high and at + width >= low]
        assert [e.offset for e in log.between(low, high)] == (expected if low < high else [])
    finally:
        log.close()


def test_late_events_stand_beside_the_log(log: Log, reopen: Open) -> None:
    late = [LateEvent(arrival=i, timestamp=-i, payload=b"%d" % i) for i in range(5)]
    log.append([events()], late[:2])
    log.append([], late[2:])
    for held in twice(log, reopen):
        assert held.late(3) == [late[4], late[3], late[2]]
        assert len(held.late(100)) == 5
        assert held.end == 1


def test_trim_by_age_drops_whole_entries_of_events(log: Log, reopen: Open) -> None:
    late = [LateEvent(arrival=i, timestamp=0, payload=b"x") for i in range(4)]
    log.append([events(2, arrival=i) for i in range(4)], late)
    trimmed = log.trim(before_arrival=2)
    assert (trimmed.entries, trimmed.records, trimmed.late) == (2, 4, 2)
    for held in twice(log, reopen):
        assert [e.offset for e in held.read()] == [4, 6]
        assert (held.start, held.end) == (4, 8)
        assert [e.arrival for e in held.late()] == [3, 2]


def test_offsets_are_not_used_again_when_everything_went(log: Log, reopen: Open) -> None:
    log.append([events(7, arrival=3)])
    log.trim(before_arrival=4)
    for held in twice(log, reopen):
        assert (held.start, held.end, held.arrival, list(held.read())) == (7, 7, 3, [])
    assert held.append([events(arrival=3)]) == [7]


def test_trim_stops_at_upto(log: Log) -> None:
    log.append([events(10, arrival=i) for i in range(4)])
    log.trim(before_arrival=9, max_bytes=0, upto=25)
    assert (log.start, [e.offset for e in log.read()]) == (20, [20, 30])


def test_trim_by_size(log: Log) -> None:
    for i in range(100):
        log.append([replace(events(arrival=i), payload=bytes(50_000))])
    before = log.bytes_used()
    trimmed = log.trim(max_bytes=before // 2)
    assert before // 2 - 300_000 <= log.bytes_used() <= before // 2
    assert trimmed.bytes == before - log.bytes_used()
    assert 40 < log.start < 60
    assert [e.offset for e in log.read()] == list(range(log.start, 100))


def test_trim_keeps_the_catalogue_in_force(log: Log, reopen: Open) -> None:
    a1, a2, a3 = ({"item_id": "a", "v": v} for v in (1, 2, 3))
    b1, c1 = {"item_id": "b", "v": 1}, {"item_id": "c", "v": 1}
    gone = {"item_id": "c", "deleted": True}
    log.append([items(a1, b1, c1, arrival=1), events(arrival=1), items(gone, a2, arrival=1)])
    log.append([events(arrival=2), items(a3, arrival=2), events(arrival=3)])
    assert log.trim(before_arrival=2).items == 3
    for held in twice(log, reopen):
        kept = [(e.offsets.tolist(), e.payload) for e in held.read() if e.kind == "items"]
        assert kept == [
            ([1], items(b1).payload),
            ([5], items(a2).payload),  # in force at the start, and until offset 7
            ([7], items(a3).payload),
        ]
        assert held.start == 6
        assert held.trim(before_arrival=2).items == 0
    held.trim(before_arrival=4)
    assert [e.payload for e in held.read()] == [items(b1).payload, items(a3).payload]


def test_rewrite_leaves_the_offsets_of_survivors(log: Log, reopen: Open) -> None:
    log.append([events(3, at=1, to=9), events(1), events(2)])

    def keep(entry: Entry) -> Entry | None:
        if entry.offset == 0:
            positions = np.array([0, 2], "<u4").tobytes()
            return replace(entry, payload=b"two", positions=positions, max_ts=5)
        return None if entry.n == 2 else entry

    assert log.rewrite(0, log.end, keep) == 2
    for held in twice(log, reopen):
        first, second = held.read()
        assert (first.payload, first.offsets.tolist(), first.held) == (b"two", [0, 2], 2)
        assert (first.n, first.min_ts, first.max_ts) == (3, 1, 5)
        assert (second.offset, second.payload) == (3, b"1 events at 0")
        assert [e.offset for e in held.between(6, 10)] == []
        assert held.end == 6
        assert held.rewrite(0, held.end, lambda entry: entry) == 0
    assert held.append([events()]) == [6]


def test_rewrite_looks_only_at_its_range(log: Log) -> None:
    log.append([events(10) for _ in range(5)])
    seen = []
    log.rewrite(15, 31, lambda entry: seen.append(entry.offset) or entry)
    assert seen == [10, 20, 30]


def test_rewrite_of_the_late_stream(log: Log) -> None:
    late = [LateEvent(arrival=i, timestamp=0, payload=b"%d" % i) for i in range(4)]
    log.append([], late)
    assert log.rewrite(0, 0, lambda entry: entry, lambda e: e.arrival % 2 == 0) == 2
    assert log.late() == [late[2], late[0]]


@pytest.mark.parametrize("change", [{"n": 4}, {"offset": 1}, {"positions": b"\3\0\0\0"}])
def test_rewrite_refuses_what_would_shift_offsets(log: Log, change: dict[str, object]) -> None:
    log.append([events(3)])
    with pytest.raises(ValueError, match="offset 0"):
        log.rewrite(0, 3, lambda entry: replace(entry, **change))
    assert [e.n for e in log.read()] == [3]


def test_a_closed_log_says_so(log: Log) -> None:
    log.close()
    log.close()
    with pytest.raises(Unavailable, match="closed"):
        log.append([events()])
    with pytest.raises(Unavailable, match="closed"):
        list(log.read())


def test_reading_goes_on_while_another_thread_writes_and_trims(log: Log) -> None:
    log.append([events(2, arrival=0)])
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            pairs = pairwise(log.read())  # gaps are of what was dropped meanwhile
            assert all(b.offset - a.offset == 2 or a.offset < log.start for a, b in pairs)

    with ThreadPoolExecutor(3) as pool:
        reading = [pool.submit(read) for _ in range(3)]
        try:
            for i in range(200):
                log.append([events(2, arrival=i)])
                if i % 20 == 0:
                    log.trim(before_arrival=i - 50)
        finally:
            done.set()
    [reader.result() for reader in reading]
    assert (log.start, log.end) == (262, 402)

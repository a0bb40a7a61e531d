"""What the SQLite log promises beyond the protocol: files, locks, errors, crashes, erasure."""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from afresh.errors import AfreshError, CorruptData, StorageFull, Unavailable
from afresh.log import Entry, LateEvent, Pending
from afresh.log.sqlite import SqliteLog


def entry(payload: bytes = b"x", arrival: int = 0, n: int = 1) -> Pending:
    return Pending("events", n, arrival, arrival, arrival, payload)


def read_all(folder: Path) -> list[Entry]:
    with closing(SqliteLog(folder)) as log:
        return list(log.read())


def fill(log: SqliteLog, payloads: Callable[[], bytes]) -> None:
    """Append two entries and a late event at a time until it is refused."""
    while True:
        i = log.end
        log.append([entry(payloads(), i), entry(b"second", i)], [LateEvent(i, 0, b"late")])


def test_one_process_writes(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path)
    with pytest.raises(Unavailable, match=f"another process \\(process {os.getpid()}\\)"):
        SqliteLog(tmp_path)
    log.append([entry()])
    log.close()
    SqliteLog(tmp_path).close()


def test_another_process_may_read(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no log"):
        SqliteLog(tmp_path, readonly=True)
    log = SqliteLog(tmp_path)
    reader = SqliteLog(tmp_path, readonly=True)
    log.append([entry(arrival=4, n=3)])
    assert (reader.id, reader.start, reader.end, reader.arrival) == (log.id, 0, 3, 4)
    assert [e.n for e in reader.read()] == [3]
    with pytest.raises(Unavailable, match="reading only"):
        reader.append([entry()])
    log.trim(before_arrival=5)
    log.close()
    assert (reader.start, reader.end, list(reader.read())) == (3, 3, [])
    reader.close()


def test_a_folder_belongs_to_one_app(tmp_path: Path) -> None:
    SqliteLog(tmp_path, app="shop").close()
    with pytest.raises(AfreshError, match="belongs to the app 'shop', not to 'music'"):
        SqliteLog(tmp_path, app="music")
    SqliteLog(tmp_path, app="shop").close()
    SqliteLog(tmp_path).close()


def test_another_format_is_refused(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path)
    log.close()
    with sqlite3.connect(log.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(AfreshError, match="format 99") as caught:
        SqliteLog(tmp_path)
    assert "Export it" in caught.value.hint


@pytest.mark.parametrize("content", [b"not a database, but long enough" * 100, None])
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "log.sqlite3"
    if content is None:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE diary (day)")
        connection.close()
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(CorruptData, match=r"log\.sqlite3"):
        SqliteLog(tmp_path)
    assert path.read_bytes()[100:] == before[100:]


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path)
    log.append([entry(b"payload" * 10)])
    log.close()
    content = log.path.read_bytes()
    log.path.write_bytes(content.replace(b"payloadpayload", b"payloadpayloae", 1))
    log = SqliteLog(tmp_path)
    with pytest.raises(CorruptData, match="offset 0"):
        list(log.read())
    log.close()


def test_a_truncated_file_is_noticed(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path)
    for _ in range(20):
        log.append([entry(os.urandom(50_000))])
    log.close()
    os.truncate(log.path, log.path.stat().st_size // 2)
    with pytest.raises(CorruptData):
        read_all(tmp_path)


def test_the_budget_refuses_and_retention_makes_room(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path, max_bytes=1_000_000)
    with pytest.raises(StorageFull, match="budget of 1,000,000 bytes"):
        fill(log, lambda: bytes(30_000))
    sent = log.end
    assert sent > 40
    assert len(list(log.read())) == 2 * len(log.late()) == sent
    log.trim(max_bytes=500_000)
    assert log.append([entry(bytes(30_000), sent)]) == [sent]
    log.close()


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_refuses_and_recovers_by_itself(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path)
    with (
        files_no_larger_than(1_000_000),
        pytest.raises(StorageFull, match="Nothing of the call"),
    ):
        fill(log, lambda: os.urandom(30_000))
    sent = log.end
    assert sent > 20
    assert len(list(log.read())) == 2 * len(log.late()) == sent
    assert log.append([entry(b"after", sent)]) == [sent]
    log.close()
    assert [e.payload for e in read_all(tmp_path)][-2:] == [b"second", b"after"]


def test_the_file_shrinks_and_the_write_ahead_log_stays_small(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path)
    for i in range(1500):
        log.append([entry(bytes(60_000), arrival=i)])
    wal = tmp_path / "log.sqlite3-wal"
    assert wal.stat().st_size < 80_000_000
    log.trim(before_arrival=1400)
    log.checkpoint()
    assert log.path.stat().st_size < 8_000_000
    assert wal.stat().st_size == 0
    assert [e.offset for e in log.read()] == list(range(1400, 1500))
    log.close()


@pytest.mark.parametrize("seed", range(4))
def test_what_was_rewritten_is_in_no_file(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    log = SqliteLog(tmp_path)
    needle = b"alice@example.org"
    for i in range(120):
        body = rng.randbytes(rng.choice([10, 300, 3000, 9000, 40_000, 170_000]))
        at = rng.randrange(len(body))
        if rng.random() < 0.5:
            body = body[:at] + needle + body[at:]
        log.append([entry(body, i)], [LateEvent(i, 0, b"late " + needle)] * (i % 7 == 0))
        if i == 60:
            log.trim(before_arrival=rng.randrange(30))

    def erase(e: Entry) -> Entry | None:
        if needle not in e.payload:
            return e
        without = e.payload.replace(needle, b"")
        return replace(e, payload=without) if rng.random() < 0.7 else None

    reading = log.read()
    next(reading)  # a reader half way does not keep what goes
    kept = [e.payload.replace(needle, b"") for e in log.read()]
    assert log.rewrite(0, log.end, erase, lambda late: needle not in late.payload) > 40
    for path in tmp_path.iterdir():
        assert needle not in path.read_bytes(), path.name
    assert {e.payload for e in log.read()} <= set(kept)
    log.close()


WRITER = """
import os, sys
from afresh.log import LateEvent, Pending
from afresh.log.sqlite import SqliteLog
log = SqliteLog(sys.argv[1])
while True:
    i = log.end
    late = [LateEvent(i, 0, b"%d" % i)]
    size = 10 + i * 7919 % 200_000
    offsets = log.append([Pending("events", 2, i, i, i, b"%d:" % i + bytes(size))], late)
    if i % 40 == 38:
        log.trim(before_arrival=i - 60)
    os.write(1, b"%d\\n" % offsets[0])
"""


def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path) -> None:
    rng = random.Random(9)
    end = 0
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": "src"},
        ) as writer:
            assert writer.stdout is not None
            acknowledged = [int(writer.stdout.readline())]
            for _ in range(rng.randrange(60)):
                acknowledged.append(int(writer.stdout.readline()))
            os.kill(writer.pid, signal.SIGKILL)
            acknowledged += [int(line) for line in writer.stdout.read().split()]
        assert acknowledged[0] >= end
        log = SqliteLog(tmp_path)
        held = {e.offset: e.payload for e in log.read()}
        end = log.end
        assert acknowledged[-1] < end <= acknowledged[-1] + 4
        for offset in acknowledged:
            assert offset < log.start or held[offset].startswith(b"%d:" % offset)
        assert list(held) == list(range(log.start, end, 2))
        assert log.late(1)[0].payload == b"%d" % (end - 2)
        log.close()
    assert end > 20

"""A disk that is really full: refused cleanly, nothing acknowledged is lost, recovers by itself."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.everything import app
from tests.test_runtime import check, event, logged

from afresh.errors import StorageFull
from afresh.runtime import Runtime
from afresh.settings import Settings
from afresh.surface import Query


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MiB; mounting one takes root."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(tmp_path)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no right to mount a file system; the log's budget is tested without it")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_full_disk_refuses_and_recovers_by_itself(small_disk: Path) -> None:
    runtime = Runtime.open(app, small_disk, Settings(snapshot_every_events=2000))
    acked: list[str] = []
    refused, ballast = 0, small_disk / "ballast"
    for n in range(2000):
        events = [event(event_id=f"{n}-{k}".ljust(200, "x"), user_id=f"u{k}") for k in range(40)]
        try:
            assert runtime.ingest(json.dumps(events).encode()).accepted == 40
            acked += [str(e["event_id"]) for e in events]
            if n == 20:  # something else takes the rest of the disk, all but a little
                free = 3 * 2**20 - sum(f.stat().st_size for f in small_disk.rglob("*"))
                ballast.write_bytes(bytes(max(free - 200_000, 4096)))
        except StorageFull:
            refused += 1
            assert runtime.recommend(Query(user_id="w")).items
            if refused == 3:
                break
    assert refused == 3
    ballast.unlink()
    deadline = time.monotonic() + 30
    while True:  # the same events again: none of them was kept
        try:
            assert runtime.ingest(json.dumps(events).encode()).accepted == 40
            break
        except StorageFull:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    check(runtime)
    assert set(acked) <= {e.id for e in logged(runtime)}
    runtime.close()
    runtime = Runtime.open(app, small_disk, Settings())
    check(runtime)
    runtime.close()

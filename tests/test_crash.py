"""Killed at any moment under load: nothing acknowledged is lost, nothing is there twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.batches import events_of
from tests.crash_driver import post
from tests.everything import app
from tests.model import Event, Model

from afresh.events.batch import decode_batch
from afresh.features.canonical import canonical
from afresh.runtime import Runtime
from afresh.settings import Settings
from afresh.store.replica import Replica

PLAN = app.plan()


@pytest.fixture(scope="module")
def driver() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.crash_driver"]
    root = Path(__file__).parent.parent
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=root, text=True, bufsize=1, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout.readline() == "ready\n"
        yield process
        process.stdin.close()


def killed(
    driver: subprocess.Popen[str], folder: Path, seed: str, base: int, after: float
) -> set[str]:
    """Run a child, kill it `after` seconds; the ids it acknowledged."""
    assert driver.stdin is not None
    assert driver.stdout is not None
    driver.stdin.write(f"{folder} {seed} {base}\n")
    driver.stdin.flush()
    child = int(driver.stdout.readline().split()[1])
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    acked: set[str] = set()
    while (line := driver.stdout.readline()) != "dead\n":
        acked.update(line.split()[1:] if line.startswith("ack ") else [])
    return acked


def check(folder: Path, acked: set[str], base: int, *, close: bool) -> None:
    """The state after recovery equals the log folded from nothing, and the model."""
    runtime = Runtime.open(app, folder, Settings())
    scratch, events = Replica(PLAN), list[Event]()
    for entry in runtime.store.read():
        scratch.apply(entry)
        if entry.kind == "events":
            events += events_of(decode_batch(entry.payload))
    names = [event.id for event in events]
    assert len(names) == len(set(names))
    assert acked <= set(names)
    assert runtime.replica.offset == runtime.store.end
    assert runtime.replica.canonical() == scratch.canonical()
    assert canonical(runtime.replica.state) == Model(PLAN, events).canonical()
    for name in sorted(acked)[-3:]:
        assert post(runtime, base, [name]).duplicates == 1
    assert runtime.replica.offset == runtime.store.end == len(names) + items_in(runtime)
    if close:
        runtime.close()
    else:  # no last snapshot: the next start has more of the log to fold
        runtime.writer.close()
        runtime.store.close()


def items_in(runtime: Runtime) -> int:
    return sum(entry.n for entry in runtime.store.read() if entry.kind == "items")


def crash(driver: subprocess.Popen[str], folder: Path, times: int, seed: str) -> int:
    chance, base, acked = random.Random(seed), time.time_ns() // 1_000_000, set[str]()
    for at in range(times):
        acked |= killed(driver, folder, f"{seed}{at}", base, chance.uniform(0.02, 0.7))
        check(folder, acked, base, close=chance.random() < 0.5)
    return len(acked)


def test_killed_five_times_nothing_acknowledged_is_lost(
    driver: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert crash(driver, tmp_path, 5, f"s{os.getpid()}.") > 100


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_killed_fifty_times(driver: subprocess.Popen[str], tmp_path: Path) -> None:
    for part in range(10):
        crash(driver, tmp_path / str(part), 5, f"n{part}.{os.getpid()}.")

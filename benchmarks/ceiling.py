"""A ceiling on memory: ten million keys under `state_memory`, beside the same without one.

Each way is a process of its own that folds the same synthetic events of the shop (every user
once, in a session of its own; one event in ten is of 10,000 users who come back), then reads
the features of 100,000 users drawn at random. Resident bytes are looked at after every batch.
`same`: every fact, tile and list of both states and all values read are equal.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import msgspec
import numba
import numpy as np
from numpy.typing import NDArray

from afresh.events.batch import EventBatch
from afresh.features.facts import COLUMNS
from afresh.features.room import Room
from afresh.loading import load
from afresh.store.replica import Replica
from benchmarks._machine import ROOT, SHOP, figure

BATCH = 10_000
HOT = 10_000
START = 1_790_000_000_000
MIB = 1 << 20


def column(letter: str, numbers: NDArray[np.int64]) -> bytes:
    """Names of a letter and eight digits, as a text column."""
    digits = numbers[:, None] // 10 ** np.arange(7, -1, -1) % 10 + ord("0")
    first = np.full((len(numbers), 1), ord(letter))
    rows = np.concatenate([first, digits, np.zeros((len(numbers), 1), np.int64)], axis=1)
    return rows.astype(np.uint8).tobytes()[:-1]


def batch(
    types: tuple[str, ...], first: int, users: int, source: np.random.Generator
) -> EventBatch:
    """Events first .. first + BATCH, a millisecond each."""
    at = np.arange(first, first + BATCH)
    user = np.where(source.random(BATCH) < 0.1, source.integers(0, HOT, BATCH), at % users)
    texts = {
        "event_id": column("e", at),
        "user_id": column("u", user),
        "item_id": column("i", source.integers(0, 50_000, BATCH)),
        "session_id": column("s", user),
    }
    return EventBatch(BATCH, types, np.zeros(BATCH, np.uint8), START + at, texts)


@numba.njit(cache=True)
def digest(heads, pool, start):  # type: ignore[no-untyped-def]
    """A hash of every list of heads int64[keys, 3] in pool [rows, columns], in their order."""
    h = start
    for key in range(len(heads)):
        for row in range(heads[key, 0], heads[key, 0] + heads[key, 1]):
            for c in range(pool.shape[1]):
                h = (h ^ np.uint64(pool[row, c])) * np.uint64(0xFF51AFD7ED558CCD)
                h ^= h >> np.uint64(32)
        h += np.uint64(heads[key, 1])
    return h


def resident() -> int:
    """Bytes of this process in memory."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def one(users: int, ceiling: int, folder: Path) -> None:
    """One process: fold, read, say what it took."""
    plan = load(SHOP).plan()
    replica = Replica(plan, Room(ceiling or None, folder))
    types = tuple(event.name for event in plan.events)
    source = np.random.default_rng(1)
    replica.fold_events(batch(types, 0, users, source), 1)
    before, peak, spent = resident(), 0, 0.0
    for first in range(BATCH, users, BATCH):
        made = batch(types, first, users, source)
        began = time.perf_counter()
        replica.fold_events(made, first)
        spent += time.perf_counter() - began
        peak = max(peak, resident())
    names = [f"u{n:08}" for n in source.integers(0, users, 100_000)]
    features = [f.name for f in plan.features if f.key == "user_id"]
    values, took = 0, []
    for first in range(0, len(names), 100):
        began = time.perf_counter()
        wanted = [replica.reader.feature(name) for name in features]
        rows = replica.reader.values("user_id", names[first : first + 100], wanted, START + users)
        took.append(time.perf_counter() - began)
        values = zlib.crc32(msgspec.json.encode(rows), values)
        replica.room.give_back()
        peak = max(peak, resident())
    state = replica.state
    arrays = 0
    for name in COLUMNS:
        arrays = zlib.crc32(getattr(state.facts, name)[: state.facts.used].data, arrays)
        replica.room.give_back()
    for blocks in [tiles.blocks for tiles in state.tiles] + [
        kept.blocks for kept in state.all_lists
    ]:
        pool = blocks.pool.reshape(len(blocks.pool), -1)
        arrays = int(digest(blocks.heads, pool, np.uint64(arrays)))
        replica.room.give_back()
    said = {
        "keys": len(replica.state.parties),
        "state_bytes": replica.state.memory(),
        "resident_before": before,
        "resident_peak": peak,
        "fold_s": spent,
        "read_100_p50_us": float(np.median(took)) * 1e6,
        "read_100_p99_us": float(np.quantile(took, 0.99)) * 1e6,
        "values": values,
        "arrays": arrays,
    }
    print(msgspec.json.encode(said).decode())


def main() -> None:
    parser = argparse.ArgumentParser(description="A ceiling on memory, at ten million keys.")
    parser.add_argument("--smoke", action="store_true", help="Small sizes, to see that it runs.")
    parser.add_argument("--one", nargs=3, metavar=("USERS", "CEILING", "FOLDER"))
    wanted = parser.parse_args()
    if wanted.one:
        one(int(wanted.one[0]), int(wanted.one[1]), Path(wanted.one[2]))
        return
    if not Room.is_possible():
        print("state_memory needs Linux; nothing was measured.", file=sys.stderr)
        return
    users, ceiling = (200_000, 32 * MIB) if wanted.smoke else (5_600_000, 1024 * MIB)
    said = {}
    for name, bytes_ in (("without", 0), ("under", ceiling)):
        with tempfile.TemporaryDirectory(prefix="afresh-ceiling-") as folder:
            command = [sys.executable, "-m", "benchmarks.ceiling", "--one"]
            done = subprocess.run(
                [*command, str(users), str(bytes_), folder],
                cwd=ROOT,
                capture_output=True,
                check=True,
            )
        said[name] = msgspec.json.decode(done.stdout.splitlines()[-1])
    under, without = said["under"], said["without"]
    same = all(under[k] == without[k] for k in ("values", "arrays", "keys"))
    assert same, "A value changed under the ceiling."
    figure(
        "state_memory",
        (under["resident_peak"] - under["resident_before"]) / ceiling,
        "of the ceiling, resident at most",
        must=1.25,
        aim=1.0,
        less=True,
        limit={"what": "the same state without a ceiling", **without},
        under=under,
        ceiling_bytes=ceiling,
        fold_share=round(without["fold_s"] / under["fold_s"], 3),
        same=same,
        samples=users,
        sharing="one thread",
    )


if __name__ == "__main__":
    main()

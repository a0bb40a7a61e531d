"""Memory: resident bytes an event, above the same process with an empty log.

Each point is a process of its own that opens the folder and folds the log alone (`folded`), or
restores the snapshot (`restored`). Kernels are warm in both, garbage is collected and freed
memory given back (`gc.collect`, `malloc_trim`) before the reading. The catalogue is imported
everywhere, so it does not count.

`default`: the shop as it is; sequences and postings end after 90 days, tiles at their
windows' reach. `everything`: sequences and postings for 400 days; tiles still die at their
reach, and `alive` says how many of each there are.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from afresh.app import App
from afresh.events.batch import EventBatch
from afresh.features.engines.embedded import State
from afresh.loading import load
from afresh.runtime import Runtime
from afresh.settings import load_settings
from afresh.transfer import import_files
from benchmarks._data import YEAR, shopping
from benchmarks._machine import ROOT, SHOP, figure

POINTS = (0, 100_000, 500_000, 1_000_000, YEAR)


def definition(folder: Path, variant: str) -> Path:
    """The shop, or the same with everything but tiles alive for 400 days."""
    text = SHOP.read_text(encoding="utf-8")
    if variant == "everything":
        text = text.replace('App("shop")', 'App("shop", within="400d")')
        text = text.replace("n=50)", 'n=50, within="400d")')
    path = folder / f"{variant}.py"
    path.write_text(text, encoding="utf-8")
    return path


def resident() -> int:
    """Bytes of this process in memory, with what is free given back."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError):
        print("malloc_trim is not here; freed memory counts.", file=sys.stderr)
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def warm(app: App) -> None:
    """Have the kernels in memory: fold two events into a state that is thrown away."""
    texts = dict.fromkeys(("event_id", "user_id", "item_id", "session_id"), b"a\x00b")
    types = tuple(event.name for event in app.plan().events)
    stamps = np.array([86_400_000, 86_400_001], np.int64)
    State(app.plan()).fold(EventBatch(2, types, np.zeros(2, np.uint8), stamps, texts))


def point(file: Path, data: Path) -> None:
    """One process: open the folder, say what is resident and what is alive."""
    app = load(file)
    warm(app)
    runtime = Runtime.open(app, data, load_settings())
    bytes_now, state = resident(), runtime.replica.state
    used = state.memory()
    state.sweep()
    alive = {
        "facts": state.facts.used,
        "tiles": {
            f"{t.family.key} {t.family.width // 1000} s": int(t.blocks.heads[:, 1].sum())
            for t in state.tiles
        },
    }
    told = {"rss": bytes_now, "state": used, "events": state.events, "alive": alive}
    print(msgspec.json.encode(told).decode(), flush=True)
    runtime.close()


def measure(file: Path, data: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.memory", "--point", str(file), str(data)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    told: dict[str, Any] = msgspec.json.decode(done.stdout.splitlines()[-1])
    return told


def curve(
    folder: Path, variant: str, points: tuple[int, ...], small: bool, data: Path | None
) -> None:
    shop = shopping(data, most=points[-1], synthetic=small)
    file, events, items = definition(folder, variant), folder / "e.parquet", folder / "i.parquet"
    catalogue = shop.items.head(500) if small else shop.items
    catalogue.write_parquet(items)
    told: dict[int, dict[str, dict[str, Any]]] = {}
    for n in dict.fromkeys(min(n, shop.events.height) for n in points):
        home = folder / f"{variant}-{n}"
        shop.newest(n).write_parquet(events)
        import_files(load(file), home, load_settings(), events=events if n else None, items=items)
        if not told and not small:
            measure(file, home)  # compiles what is not in the kernels' cache yet
        told[n] = {} if small else {"restored": measure(file, home)}
        shutil.rmtree(home / "snapshots")
        told[n]["folded"] = measure(file, home)
        shutil.rmtree(home)
    last = max(told)
    per_event = {
        str(n): {
            **{how: round((each["rss"] - told[0][how]["rss"]) / n, 1) for how, each in of.items()},
            "arrays": round((of["folded"]["state"] - told[0]["folded"]["state"]) / n, 1),
            "alive": of["folded"]["alive"],
        }
        for n, of in told.items()
        if n
    }
    figure(
        f"bytes_per_event_{variant}",
        float(per_event[str(last)]["folded"]),
        "bytes/event",
        must=150,
        aim=96,
        less=True,
        limit={
            "what": "the same process with an empty log and the same catalogue",
            "rss_bytes": {how: each["rss"] for how, each in told[0].items()},
        },
        curve=per_event,
        events=last,
        items=catalogue.height,
        data=shop.source,
        missing=shop.missing,
        sharing="one process a point",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Resident bytes an event.")
    parser.add_argument("--smoke", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--data", type=Path, help="see _data.py")
    parser.add_argument("--point", nargs=2, type=Path, metavar=("APP", "FOLDER"))
    wanted = parser.parse_args()
    if wanted.point:
        point(*wanted.point)
        return
    points = (0, 20_000) if wanted.smoke else POINTS
    with tempfile.TemporaryDirectory(prefix="afresh-memory-") as name:
        for variant in ("default",) if wanted.smoke else ("default", "everything"):
            curve(Path(name), variant, points, wanted.smoke, wanted.data)


if __name__ == "__main__":
    main()

"""Restart: from starting the process to an answer of `/readyz`.

1. From a snapshot of all events; kernels and modules come compiled from their caches. Beside it
   what Python needs to import numba, numpy, msgspec and litestar (the limit), and a start on an
   empty folder.
2. From the log alone, snapshots removed: events/s beyond the start on an empty folder.

Rounds alternate.
"""

from __future__ import annotations

import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from engines import free_port

from afresh.loading import load
from afresh.settings import load_settings
from afresh.transfer import import_files
from benchmarks._data import shopping
from benchmarks._machine import ROOT, SHOP, arguments, figure, spread
from benchmarks._server import environment, wait_ready

IMPORTS = "import numba, numpy, msgspec, litestar"


def start(data: Path, kept: dict[str, str]) -> float:
    """Seconds until the server is ready; it is stopped again."""
    port = free_port()
    command = ["-m", "afresh.cli", "serve", str(SHOP), "--port", str(port), "--data", str(data)]
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command, "--log-level", "error"],
        cwd=ROOT,
        env=kept,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_ready(port, process, "/readyz")
        return time.perf_counter() - began
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def imports(kept: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], env=kept, check=True)
    return time.perf_counter() - began


def main() -> None:
    wanted = arguments("Restart from a snapshot, and from the log alone.")
    small = wanted.smoke
    shop = shopping(most=20_000, synthetic=True) if small else shopping(wanted.data)
    rounds = 1 if small else 5
    took: dict[str, list[float]] = {"snapshot": [], "log": [], "empty": [], "imports": []}
    with tempfile.TemporaryDirectory(prefix="afresh-restart-") as name:
        folder = Path(name)
        events, items, data = folder / "events.parquet", folder / "items.parquet", folder / "data"
        shop.events.write_parquet(events)
        catalogue = shop.items.head(500) if small else shop.items
        catalogue.write_parquet(items)
        import_files(load(SHOP), data, load_settings(), events=events, items=items)
        kept = environment(folder / "bytecode")
        if not small:
            imports(kept)
            start(data, kept)  # the kernels are compiled and the files in the page cache
        for turn in range(rounds):
            took["snapshot"].append(start(data, kept))
            took["imports"].append(imports(kept))
            empty = took["snapshot"][-1] if small else start(folder / f"empty-{turn}", kept)
            took["empty"].append(empty)
            shutil.rmtree(data / "snapshots")
            took["log"].append(start(data, kept))
        size = sum(path.stat().st_size for path in (data / "snapshots").iterdir())
    seconds = {what: spread(each, 3) for what, each in took.items()}
    more: dict[str, Any] = {
        "seconds": seconds,
        "rounds": rounds,
        "events": shop.events.height,
        "items": catalogue.height,
        "data": shop.source,
        "missing": shop.missing,
        "sharing": "the server alone; its files are in the page cache",
    }
    figure(
        "from_snapshot",
        statistics.median(took["snapshot"]),
        "s",
        must=2.0,
        aim=1.5,
        less=True,
        limit={
            "what": f'python -c "{IMPORTS}"',
            "seconds": seconds["imports"],
            "times": round(seconds["snapshot"]["p50"] / seconds["imports"]["p50"], 2),
        },
        snapshot_bytes=size,
        **more,
    )
    # Rounds differ by more than the folding takes: medians first, then the difference.
    folding = seconds["log"]["p50"] - seconds["empty"]["p50"]
    figure(
        "from_the_log",
        shop.events.height / max(folding, 0.001),
        "events/s",
        must=1_500_000,
        aim=2_500_000,
        limit={"what": "the rate of the fold alone; see fold.py"},
        folding_s=round(folding, 3),
        **more,
    )


if __name__ == "__main__":
    main()

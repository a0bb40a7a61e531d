"""What ran where, and how a figure is written down.

Machines are shared and noisy, so a figure is a ratio within one run, measured in alternating
rounds, and every figure carries a calibration: how long a fixed piece of work took meanwhile.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

ROOT = Path(__file__).parents[1]
SHOP = ROOT / "examples" / "shop.py"


class _Line(msgspec.Struct, gc=False):
    event_id: str
    event_type: str
    timestamp: int
    user_id: str | None = None
    item_id: str | None = None
    session_id: str | None = None


def calibration_us(rounds: int = 300) -> dict[str, float]:
    """µs in which msgspec decodes 1,000 lines of 161 bytes: least, median, mean.

    A mean far above the least says that others took turns on this core.
    """
    lines = b"\n".join(
        b'{"event_id":"%032x","event_type":"view","timestamp":1790000000000,'
        b'"user_id":"u%07d","item_id":"i%08d","session_id":"s%08d"}' % (i, i, i, i)
        for i in range(1000)
    )
    decoder = msgspec.json.Decoder(_Line)
    took = [seconds * 1e6 for seconds in timed(lambda: decoder.decode_lines(lines), rounds)]
    named = {"min": min(took), "p50": statistics.median(took), "mean": statistics.fmean(took)}
    return {name: round(us, 1) for name, us in named.items()}


def timed(work: Callable[[], object], rounds: int) -> list[float]:
    """Seconds of each of `rounds` calls."""
    out = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        out.append(time.perf_counter() - began)
    return out


@cache
def _hardware() -> dict[str, Any]:
    cpu = platform.processor() or platform.machine()
    memory = 0.0
    if sys.platform == "linux":
        names = [x for x in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in x]
        cpu = names[0].split(":", 1)[1].strip() if names else cpu
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"cpu": cpu, "cores": os.cpu_count(), "memory_gib": round(memory, 1)}


def machine() -> dict[str, Any]:
    """The machine, how busy it is, and the calibration now."""
    return {
        **_hardware(),
        "python": platform.python_version(),
        "load_1m": round(os.getloadavg()[0], 2),
        "calibration_us": calibration_us(),
    }


def spread(samples: Sequence[float], digits: int = 4) -> dict[str, float]:
    """Least, p50, p99, greatest, and how many there are."""
    low, mid, high, top = np.percentile(np.asarray(samples, np.float64), [0, 50, 99, 100])
    named = {"min": low, "p50": mid, "p99": high, "max": top}
    return {"n": len(samples), **{k: round(float(v), digits) for k, v in named.items()}}


def figure(
    name: str,
    value: float,
    unit: str,
    *,
    must: float,
    aim: float,
    limit: dict[str, Any],
    less: bool = False,
    **more: Any,
) -> None:
    """Print one figure as a JSON line. less: smaller is better."""
    line = {
        "benchmark": Path(sys.argv[0]).stem,
        "figure": name,
        "value": round(value, 4),
        "unit": unit,
        "must": must,
        "aim": aim,
        "reached": value <= must if less else value >= must,
        "limit": limit,
        **more,
        "machine": machine(),
    }
    print(msgspec.json.encode(line).decode(), flush=True)


def arguments(description: str) -> argparse.Namespace:
    """--smoke, and --data for files of one's own."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--smoke", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument(
        "--data", type=Path, help="a folder with completejourney/events.parquet and items.parquet"
    )
    return parser.parse_args()

"""Run the benchmarks: `python -m benchmarks [NAME ...] [--smoke]`.

Every file of this folder whose name does not begin with an underscore is one benchmark.
It runs in a process of its own, takes `--smoke` for a quick look at small sizes (two at a time
then, as nobody goes by their figures), and prints one JSON object a line; anything else it has to
say goes to stderr. What it prints is passed on with the benchmark's name and the time it took. The
exit status is 1 when a benchmark failed, printed nothing, or printed what is not a JSON object.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

HERE = Path(__file__).parent
TOGETHER = 2
"""How many quick looks are taken at a time."""


def names() -> list[str]:
    """The benchmarks there are, in alphabetical order."""
    return sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))


def figures(output: str) -> list[dict[str, object]]:
    """The JSON objects of a benchmark's output. Raises msgspec.DecodeError for another line."""
    decoder = msgspec.json.Decoder(dict[str, object])
    return [decoder.decode(line) for line in output.splitlines() if line.strip()]


def run(name: str, *, smoke: bool) -> tuple[list[dict[str, object]], str | None]:
    """Run one benchmark; its figures, and what went wrong, if anything did."""
    command = [sys.executable, "-m", f"{HERE.name}.{name}", *(["--smoke"] if smoke else [])]
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=HERE.parent, stdout=subprocess.PIPE, text=True, check=False)
    seconds = round(time.perf_counter() - begun, 1)
    if done.returncode:
        return [], f"exit status {done.returncode}"
    try:
        rows = figures(done.stdout)
    except msgspec.DecodeError as error:
        return [], f"printed what is not a JSON object a line: {error}"
    told = {"benchmark": name, "smoke": smoke, "seconds": seconds}
    return [{**told, **row} for row in rows], None if rows else "printed no figures"


def main() -> int:
    """Run those named, or all. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Run the benchmarks.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="all when none is named")
    parser.add_argument("--smoke", action="store_true", help="small sizes, to see that they run")
    wanted = parser.parse_args()
    if not names():
        parser.error("there is no benchmark")
    unknown = sorted(set(wanted.names) - set(names()))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are: {', '.join(names())}")
    chosen = wanted.names or names()
    with ThreadPoolExecutor(TOGETHER if wanted.smoke else 1) as pool:
        failed = {}
        done = pool.map(lambda name: run(name, smoke=wanted.smoke), chosen)
        for name, (rows, problem) in zip(chosen, done, strict=True):
            for row in rows:
                print(msgspec.json.encode(row).decode(), flush=True)
            if problem is not None:
                failed[name] = problem
    for name, problem in failed.items():
        print(f"benchmark {name}: {problem}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

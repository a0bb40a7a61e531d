"""A process to be killed: opens a runtime, takes events from several threads, says what it took.

`python -m tests.crash_driver` reads lines `FOLDER SEED BASE` and forks a child for each, which
prints `pid N`, `open`, and `ack …` with the ids of each acknowledged request; after it, `dead`.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from tests.everything import app

from afresh.runtime import Runtime
from afresh.settings import Settings

SETTINGS = Settings(snapshot_every_events=150, snapshot_every_seconds=1, group_events=64)
HOUR = 3_600_000


def made(base: int, name: str) -> dict[str, Any]:
    """The event of an id, always the same one."""
    r = random.Random(f"{base} {name}")
    event = {
        "event_id": name,
        "event_type": r.choice(["view", "view", "cart", "buy", "ping"]),
        "timestamp": base - r.choice([r.randrange(5), r.randrange(HOUR), r.randrange(20 * HOUR)]),
        "item_id": f"i{r.randrange(20)}",
        "value": r.randrange(1000),
    }
    who = {"user_id": f"u{r.randrange(30)}"} if r.random() < 0.7 else {}
    visit = {"session_id": f"v{r.randrange(30)}"} if not who or r.random() < 0.7 else {}
    return event | who | visit


def say(*words: str) -> None:
    os.write(1, (" ".join(words) + "\n").encode())


def post(runtime: Runtime, base: int, names: list[str]) -> Any:
    return runtime.ingest(json.dumps([made(base, name) for name in names]).encode())


def work(runtime: Runtime, base: int, seed: str, number: int) -> None:
    r, n, acked = random.Random(f"{seed} {number}"), 0, [""]
    while True:
        names = [f"{seed}-{number}-{n + k}".ljust(r.choice([1, 30]), "x") for k in range(8)]
        n += len(names)
        again = [name for name in [r.choice(acked)] if name]
        receipt = post(runtime, base, names + again)
        assert receipt.accepted == len(names), receipt
        assert receipt.duplicates == len(again), receipt
        acked += names
        say("ack", *names)
        if number == 0 and r.random() < 0.3:
            record = {"category": r.choice(["red", "blue"]), "grade": n % 7}
            asyncio.run(runtime.put_item(f"i{r.randrange(20)}", record))
        time.sleep(0.003)


def child(folder: str, seed: str, base: str) -> None:
    say("pid", str(os.getpid()))
    runtime = Runtime.open(app, Path(folder), SETTINGS)
    say("open")
    for number in range(3):
        threading.Thread(target=work, args=(runtime, int(base), seed, number)).start()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:  # kernels are loaded once, before any fork
        Runtime.open(app, Path(folder), SETTINGS).close()
    say("ready")
    for line in sys.stdin:
        forked = os.fork()
        if forked == 0:
            child(*line.split())
            return
        os.waitpid(forked, 0)
        say("dead")


if __name__ == "__main__":
    main()

"""A process to be killed while its backfill is under way.

`python -m tests.backfill_driver FOLDER`: opens the folder with the wider definition, says
`warming`, takes events, saying `ack ID` of each, and never finishes its backfill.
"""

from __future__ import annotations

import sys
import time
from itertools import count
from pathlib import Path

from tests.crash_driver import say
from tests.opened import event, post
from tests.widened import shop

import afresh.recovery
from afresh.backfill import Backfill
from afresh.runtime import Runtime
from afresh.settings import Settings


def main() -> None:
    afresh.recovery.AT_ONCE = 0
    Backfill._rest = lambda self: time.sleep(0.05)  # type: ignore[method-assign]
    settings = Settings(snapshot_every_events=1, snapshot_every_seconds=1)
    runtime = Runtime.open(shop(wide=True), Path(sys.argv[1]), settings)
    say("warming" if runtime.recovery.backfill else "warm")
    for number in count():
        post(runtime, event(event_id=f"k{number}", properties={"brand": "b"}))
        say("ack", f"k{number}")


if __name__ == "__main__":
    main()

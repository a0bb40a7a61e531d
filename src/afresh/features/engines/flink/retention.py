"""How long Flink remembers, and which savepoint is too old."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

from afresh.errors import AfreshError
from afresh.features.durations import text
from afresh.features.plan import Plan

HOUR_MS = 3_600_000
ADMISSION_MS = 24 * HOUR_MS
"""How late an event may be, as the door has it (setting `admission_horizon`)."""
OUTAGE_MS = 7 * 24 * HOUR_MS
"""How long the job may stand still and still be resumed."""


def state_ttl(plan: Plan, admission_ms: int = ADMISSION_MS, outage_ms: int = OUTAGE_MS) -> int:
    """How long state lives after its last change, in ms of the machine's clock.

    Flink forgets by the clock, not by event time, and without a word: a tile that was forgotten
    begins again at 1. So state must outlive everything that can still be added to it: the
    oldest fact that can be read, an event that is as late as the door admits, its copy an hour
    later, and a job that stood still meanwhile.
    """
    return plan.reach + admission_ms + HOUR_MS + outage_ms


def refuse_if_old(savepoint: str, saved_ms: int | None, outage_ms: int) -> None:
    """Raises AfreshError for a savepoint or checkpoint that a job must not go on from.

    saved_ms: when it was made, UTC ms; None: as the files say, if they lie on this machine.
    """
    saved = _written_ms(savepoint) if saved_ms is None else saved_ms
    if saved is None:
        raise AfreshError(
            f"How old {savepoint} is cannot be seen from here.",
            hint="Say when it was made: --saved 2026-01-31T12:00:00Z.",
        )
    age = time.time_ns() // 1_000_000 - saved
    if age > outage_ms:
        raise AfreshError(
            f"{savepoint} is {text(age // HOUR_MS * HOUR_MS)} old; state is kept for "
            f"an outage of {text(outage_ms)}.",
            hint="Flink would forget part of it and count on from there without a word. Begin a "
            "new generation of facts: the events are read again from the first.",
        )


def _written_ms(savepoint: str) -> int | None:
    """When the files of a local savepoint were written."""
    parts = urlsplit(savepoint)
    if parts.scheme not in ("", "file"):
        return None
    try:
        return int((Path(unquote(parts.path)) / "_metadata").stat().st_mtime * 1000)
    except OSError:
        return None

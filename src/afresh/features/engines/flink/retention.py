"""How long Flink remembers, and which savepoint is too old."""

from __future__ import annotations

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

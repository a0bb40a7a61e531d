"""Examinations: of a machine, a folder, a definition, and of the deployment that settings name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """What one examination found, and what to do about it."""

    subject: str
    state: Literal["ok", "warning", "error"]
    text: str
    hint: str = ""


SKEW_MS = 1_000
"""Clocks that differ by more than this are a fault: lateness and freshness are counted by them."""


def skewed(subject: str, whose: str, ahead_ms: float) -> Finding:
    """What to say of a clock that is ahead of this machine's (negative: behind)."""
    where = "ahead of" if ahead_ms > 0 else "behind"
    text = f"{whose} is {abs(ahead_ms) / 1000:.1f} s {where} this machine's"
    if abs(ahead_ms) <= SKEW_MS:
        return Finding(subject, "ok", f"{whose} agrees with this machine's")
    hint = "Run an NTP daemon on every machine: events are late or early by these clocks."
    return Finding(subject, "error", text, hint)

"""What a filter expression can call: the age of a moment, the distance of two places."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EARTH_KM = 6371.0088
"""The mean radius of the Earth (IUGG)."""
SECONDS_BELOW = 1e11
"""A moment below this is in seconds since 1970 (till 5138), else in milliseconds (from 1973)."""

SIGNATURES = {
    "age_hours": (("published_at",), (("number", "text"),)),
    "distance_km": (("lat", "lon", "lat", "lon"), (("number",),) * 4),
}
"""Names of the arguments, for the hint, and the types each may have."""


def age_hours(moment: Any, now: int) -> Any:
    """Hours from a moment to now, both UTC ms; below zero in the future."""
    return (now - moment) / 3_600_000.0


def epoch_ms(moment: Any) -> Any:
    """A moment as a number, in seconds or in ms, as ms."""
    return np.where(np.abs(moment) < SECONDS_BELOW, moment * 1000.0, moment)


def moment_ms(text: str) -> float:
    """RFC 3339 text as epoch ms; NaN for anything else, and without an offset."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return float("nan")
    return float("nan") if found.tzinfo is None else found.timestamp() * 1000.0


def distance_km(lat1: Any, lon1: Any, lat2: Any, lon2: Any) -> Any:
    """Kilometres between two places in degrees, along a great circle (haversine)."""
    phi1, phi2 = np.radians(lat1), np.radians(lat2)
    half = np.sin((phi2 - phi1) / 2) ** 2
    half = half + np.cos(phi1) * np.cos(phi2) * np.sin(np.radians(lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0)))

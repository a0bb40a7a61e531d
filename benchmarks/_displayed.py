"""Lists as they were displayed, with their prices, and the click that each got.

Real ones come from `trivago/events.parquet` of a folder: of each event its user, session and item,
and of click-outs the hotels displayed, at most 25, and their prices. Without it, made-up visitors
who come back, most of whom look for one price and a few of whom take what stands first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

TEST = 0.3
"""The share of the sessions, the last ones to start, whose lists are asked about."""
START_MS = 1_700_000_000_000


@dataclass(slots=True)
class Done:
    """Something done to an item, at ts, UTC ms, later than whatever stands before it. displayed:
    the items of the list where it is a click on one, from the top, else empty; prices: theirs."""

    ts: int
    user: str
    session: str
    item: str
    displayed: list[str] = field(default_factory=list)
    prices: list[float] = field(default_factory=list)
    test: bool = False

    @property
    def price(self) -> int:
        """Of what was clicked."""
        return int(self.prices[self.displayed.index(self.item)])


def displayed(data: Path | None) -> tuple[list[Done], str]:
    """What was done, in order, and what is missing, if it is made up."""
    path = data / "trivago" / "events.parquet" if data is not None else None
    if path is not None and path.exists():
        return _read(path), ""
    return _made(), f"trivago/events.parquet ({data or 'no folder was given with --data'})"


def _read(path: Path) -> list[Done]:
    text = [pl.col(name).cast(pl.String) for name in ("user", "session", "action")]
    rows = pl.read_parquet(path).with_columns(*text).sort("ts", maintain_order=True)
    begins = rows.group_by("session").agg(pl.col("ts").min())
    cut = begins["ts"].quantile(1 - TEST, "linear")
    late = set(begins.filter(pl.col("ts") >= cut)["session"])
    out: list[Done] = []
    last = 0
    for row in rows.filter(pl.col("item") >= 0).iter_rows(named=True):
        last = max(row["ts"], last + 1)  # the source has whole seconds
        one = Done(last, row["user"], row["session"], str(row["item"]), test=row["session"] in late)
        if row["action"] == "clickout item" and row["clicked_pos"] >= 0:
            one.displayed = [str(item) for item in row["impressions"]]
            one.prices = [float(price) for price in row["prices"]]
        out.append(one)
    return out


def _made(visits: int = 2600, hotels: int = 120) -> list[Done]:
    rng, out = np.random.default_rng(4), list[Done]()
    likes, places = rng.lognormal(4.5, 0.5, 300), np.arange(12)
    usual = rng.lognormal(4.5, 0.4, hotels)
    ts = START_MS
    for visit in range(visits):
        user = int(rng.integers(len(likes)))
        here = rng.choice(hotels, len(places), replace=False)
        price = np.round(usual[here] * rng.lognormal(0, 0.3, len(here)) + 1)
        who = (f"u{user}", f"s{visit}")
        test = visit >= visits * (1 - TEST)
        far = np.abs(np.log(price / likes[user]))
        worth = -4 * far - 0.15 * places + rng.gumbel(0, 0.5, len(here))
        names = [f"h{hotel}" for hotel in here.tolist()]
        if rng.random() < 0.3:
            ts += 20_000
            out.append(Done(ts, *who, names[int(rng.choice(np.argsort(-worth)[:3]))], test=test))
        ts += 20_000
        taken = names[int(worth.argmax())]
        out.append(Done(ts, *who, taken, names, price.tolist(), test))
    return out

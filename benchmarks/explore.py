"""What exploration costs, and what it brings: a shop into which new items come, for weeks.

Made up, as no log says what would have been taken had something else been shown: 200 items are
there, four more come an hour, each with a rate of its own at which it is taken where it is seen
(most of them low, a few high), and each loses half of it every five days. Visitors look at a page
of ten, lower places less; three in ten also find an item by themselves, the better ones more
often. All that ranks is the code that serves: what trends, and in the last two places what
exploration puts there. The shop counts what it shows.

Compared, over the same visitors: no exploration; the draw by epsilon; Thompson sampling; and, as
the limit, a page of the ten items that are best now. The cost is what the last two places earned
in the first tenth, before what was found could pay, beside those without exploration; the gain,
what the whole page earned over the last half.
"""

from __future__ import annotations

import argparse
from typing import Any

import msgspec
import numpy as np

from afresh import App, Features, count, daily, thompson, trending
from afresh.events.admission import Admission
from afresh.events.columnar import Columnar
from afresh.events.decode import EventDecoder
from afresh.request import Query
from afresh.store.replica import Replica
from afresh.surface import Surfaces
from afresh.surfaces.spec import Exploration
from benchmarks._machine import figure

START = 1_700_000_000_000
HOUR = 3_600_000
PAGE, SLOTS = 10, 2
FIRST, ARRIVE = 200, 4
LIFE_H = 120.0
SEEN = 1.0 / np.log2(np.arange(PAGE) + 2.0)
"""How likely somebody looks at each place."""
SEARCH = 0.3
"""The share of visitors who find an item without a list."""
BATCH = 50
"""Requests whose events are folded together."""


class World:
    """The same items, visitors and dice for each policy. hours: how long it goes on."""

    def __init__(self, hours: int, visitors: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        n = FIRST + ARRIVE * hours
        self.rate = np.minimum(rng.lognormal(-4.0, 1.0, n), 0.5)
        self.born = np.concatenate([np.zeros(FIRST), np.repeat(np.arange(hours), ARRIVE)])
        self.at = np.sort(rng.uniform(0.0, hours, visitors))
        self.dice = rng.random((visitors, PAGE, 2))
        self.search = rng.random((visitors, 2))

    def found(self, visitor: int) -> int:
        """What a visitor finds without a list, -1 for nothing."""
        searches, which = self.search[visitor]
        if searches >= SEARCH:
            return -1
        sums = np.cumsum(self.rates(float(self.at[visitor])))
        return int(np.searchsorted(sums, which * sums[-1]))

    def rates(self, hour: float) -> np.ndarray:
        """How likely each item is taken where it is seen: float64[items], 0 before it is there."""
        age = hour - self.born
        return np.where(age >= 0, self.rate * 2.0 ** (-np.maximum(age, 0) / LIFE_H), 0.0)


def shop(explore: Exploration | int) -> App:
    app = App("launches")
    view, impression = app.event("view"), app.event("impression", 0)

    class Pulse(Features, key="item_id"):
        shown = count(impression, window=daily(30))
        taken = count(view, window=daily(30))

    app._features = [Pulse]
    app.surface("home", sources=[trending("24h"), trending("7d", weight=0.2)], filters=[], n=PAGE,
                explore=explore)  # fmt: skip
    return app


def walked(world: World, explore: Exploration | int) -> dict[str, Any]:
    """What was taken of each place by each visitor, as one policy filled the pages."""
    app = shop(explore)
    plan = app.plan()
    replica = Replica(plan)
    surfaces = Surfaces(app.surfaces, replica)
    admission, decoder = Admission(replica.catalog), EventDecoder(plan.accepted)
    columnar = Columnar(plan.accepted)
    earned = np.zeros((len(world.at), PAGE))
    waiting: list[dict[str, Any]] = []
    came = 0
    found: dict[int, float] = {}
    for v, hour in enumerate(world.at.tolist()):
        there = int(np.searchsorted(world.born, hour, side="right"))
        if there > came:
            lines = [msgspec.json.encode({"item_id": f"i{n}"}) for n in range(came, there)]
            replica.fold_items(b"\n".join(lines), replica.offset + 1)
            came = there
        now = START + int(hour * HOUR)
        if v % BATCH == 0 and waiting:
            decoded = decoder.decode(msgspec.json.encode(waiting))
            batch = admission.admit(columnar.columns(decoded.events).batch, now).batch
            replica.fold_events(batch, replica.offset + 1)
            waiting.clear()
        if (alone := world.found(v)) >= 0:
            said = {"item_id": f"i{alone}", "user_id": f"u{v}", "timestamp": now}
            waiting.append({"event_id": f"a{v}", "event_type": "view", **said})
        items = surfaces.recommend(Query(), now, seed=v).items
        rates = world.rates(hour)
        for place, item in enumerate(items):
            number = int(item.item_id[1:])
            looked, taken = world.dice[v, place] < (SEEN[place], rates[number])
            if looked:
                said = {"item_id": item.item_id, "user_id": f"u{v}", "timestamp": now}
                waiting.append({"event_id": f"s{v}.{place}", "event_type": "impression", **said})
                if taken:
                    earned[v, place] = 1.0
                    waiting.append({"event_id": f"v{v}.{place}", "event_type": "view", **said})
            if item.sources != ["newcomers"]:
                found.setdefault(number, hour)
    good = np.flatnonzero((world.rate > np.quantile(world.rate, 0.95)) & (world.born > 0))
    good = good[world.born[good] < world.at[-1] * 0.8]
    late = [found[n] - world.born[n] for n in good.tolist() if n in found]
    return {"earned": earned, "found": len(late) / max(len(good), 1),
            "hours": float(np.median(late)) if late else None}  # fmt: skip


def limit(world: World) -> float:
    """What the ten best items would earn on a page, over the last half."""
    late = world.at[len(world.at) // 2 :: 50]
    pages = [np.sort(world.rates(hour))[::-1][:PAGE] @ SEEN for hour in late.tolist()]
    return float(np.mean(pages))


def main() -> None:
    parser = argparse.ArgumentParser(description="What exploration costs and what it brings.")
    parser.add_argument("--smoke", action="store_true", help="a few hours, to see that it runs")
    parser.add_argument("--seeds", type=int, default=3, help="worlds to look at")
    wanted = parser.parse_args()
    hours, visitors = (30, 800) if wanted.smoke else (336, 30_000)
    policies: dict[str, Exploration | int] = {
        "none": 0, "epsilon": SLOTS, "thompson": thompson(SLOTS, shown="shown", taken="taken"),
    }  # fmt: skip
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in policies}
    limits = []
    for seed in range(1 if wanted.smoke else wanted.seeds):
        world = World(hours, visitors, seed)
        limits.append(limit(world))
        for name, explore in policies.items():
            runs[name].append(walked(world, explore))
    tenth, half = visitors // 10, visitors // 2
    page = {n: [float(r["earned"][half:].sum(1).mean()) for r in rs] for n, rs in runs.items()}
    slots = {n: [float(r["earned"][:tenth, -SLOTS:].sum(1).mean()) for r in rs]
             for n, rs in runs.items()}  # fmt: skip
    ratios = {
        name: [ours / bare for ours, bare in zip(page[name], page["none"], strict=True)]
        for name in policies
    }
    figure(
        "explore_gain", float(np.mean(ratios["thompson"])), "× of no exploration, a page",
        must=1.0, aim=1.3, limit={"what": "the ten best items now", "taken_a_page": limits},
        taken_a_page=page, ratios=ratios, slots_first_tenth=slots,
        good_items_found={n: [r["found"] for r in rs] for n, rs in runs.items()},
        hours_until_found={n: [r["hours"] for r in rs] for n, rs in runs.items()},
        visitors=visitors, hours=hours,
    )  # fmt: skip


if __name__ == "__main__":
    main()

"""Small shops with a past, to train on."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from afresh import App, Features, count, daily, neighbours, sliding, total, trending
from afresh.runtime import Runtime
from afresh.settings import load_settings

START = 1_700_000_000_000
Said = dict[str, object]


def shop(scorer: str = "blend", *, knowing: bool = False, window: str = "1h") -> App:
    """A shop of looks and purchases. knowing: a feature counts what is written just before a
    purchase."""
    app = App("trained")
    view, buy, open_ = app.event("view"), app.event("buy", 5, price=int), app.event("opened", 0)

    class Pulse(Features, key="item_id"):
        views = count(view, window=sliding(window))
        sold = total(buy.price, window=daily(7))

    class Knowing(Features, key="item_id"):
        opened = count(open_, window=sliding("10s", hop="1s"))

    class Person(Features, key="user_id"):
        looks = count(view, window=daily(7))

    app._features = [Pulse, Person, *([Knowing] if knowing else [])]
    app.surface("home", sources=[neighbours(), trending("24h")], filters=[], scorer=scorer)
    return app


def history(sessions: int, seed: int = 0, *, knowing: bool = False) -> list[Said]:
    """Visits of thirty items in rings of five: mostly on to the next of the ring, and now and then
    a purchase of what was looked at."""
    rng = np.random.default_rng(seed)
    said: list[Said] = []
    for s in range(sessions):
        apart = 600_000 if knowing else 47_000
        ring, at, ts = int(rng.zipf(1.6)) % 6, int(rng.integers(5)), START + s * apart
        for step in range(int(rng.integers(2, 7))):
            ts += int(rng.integers(1, 9)) * (11_000 if knowing else 1000)
            item = f"i{ring * 5 + at % 5}"
            who = {"item_id": item, "user_id": f"u{s % 40}", "session_id": f"s{s}"}
            done = [{"event_type": "view", "timestamp": ts, **who}]
            if step and rng.random() < 0.2:
                bought = {"price": 3}
                done.append(
                    {"event_type": "buy", "timestamp": ts + 60_000, "properties": bought, **who}
                )
            for each in done:
                if knowing:
                    moment = int(each["timestamp"]) - 1  # type: ignore[call-overload]
                    said.append({"event_type": "opened", "timestamp": moment, **who})
                said.append(each)
            at += int(rng.choice([1, 2, -1], p=[0.7, 0.2, 0.1]))
    said.sort(key=lambda event: event["timestamp"])  # type: ignore[arg-type,return-value]
    return [{"event_id": f"e{n}", **event} for n, event in enumerate(said)]


def filled(app: App, folder: Path, events: list[Said], *, size: int = 70) -> None:
    """Bring events into a log, some at a time."""
    runtime = opened(app, folder)
    for at in range(0, len(events), size):
        lines = [msgspec.json.encode(event) for event in events[at : at + size]]
        receipt = runtime.ingest(b"\n".join(lines))
        assert not receipt.rejected
    runtime.close()


def opened(app: App, folder: Path) -> Runtime:
    settings = load_settings(learn_per_second=0, admission_horizon="99999d", request_budget="60s")
    return Runtime.open(app, folder, settings)

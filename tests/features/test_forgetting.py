"""Names are forgotten when nothing is left of them, and nobody can tell."""

import numpy as np
import pytest

from afresh.events.batch import EventBatch, join
from afresh.features import forgetting
from afresh.features.canonical import canonical
from afresh.features.plan import Plan
from afresh.loading import load
from afresh.store.replica import Replica

DAY = 86_400_000


@pytest.fixture(scope="module")
def plan() -> Plan:
    return load("examples/shop.py").plan()


def batch(seed: int, first_day: int, n: int = 400) -> EventBatch:
    """Events of ten days; sessions, and every tenth item, are of their batch alone."""
    r = np.random.default_rng(seed)
    ts = np.sort(r.integers(first_day * DAY, (first_day + 10) * DAY, n))
    items = [f"i{x}" if x % 10 else f"i{x}.{seed}" for x in r.integers(0, 60, n)]
    return EventBatch(
        n=n,
        types=("view", "cart", "buy"),
        type=r.integers(0, 3, n).astype(np.uint8),
        ts=ts,
        texts={
            "event_id": join(f"e{seed}-{k}" for k in range(n)),
            "user_id": join(f"u{x}" if x % 3 else "" for x in r.integers(0, 30, n)),
            "item_id": join(items),
            "session_id": join(f"s{seed}.{x}" for x in r.integers(0, 90, n)),
        },
    )


def test_dead_names_go_and_nothing_else_changes(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "SLACK", 0)
    swept, whole = Replica(plan), Replica(plan)
    records = b'{"item_id":"i1","category":"a"}\n{"item_id":"never touched","price_cents":5}'
    for replica in (swept, whole):
        replica.fold_items(records, 0)
    for step in range(30):
        for replica in (swept, whole):
            replica.fold_events(batch(step, first_day=10 * step), 0)
        swept.sweep()
        assert swept.canonical() == whole.canonical()
    assert len(swept.state.parties) < len(whole.state.parties) / 2
    assert len(swept.state.items) < len(whole.state.items)
    assert swept.catalog.record("never touched") == whole.catalog.record("never touched")
    features = [f for f in plan.features if f.key == "user_id"]
    names = [f"u{x}" for x in range(30)] + ["s:s29.3", "s:s2.3"]
    now = whole.state.newest + 1
    assert swept.reader.values("user_id", names, features, now) == whole.reader.values(
        "user_id", names, features, now
    )


def test_a_snapshot_after_forgetting_restores_the_same(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:  # type: ignore[no-untyped-def]
    from afresh.store.snapshot import write_snapshot

    monkeypatch.setattr(forgetting, "SLACK", 0)
    replica = Replica(plan)
    for step in range(25):
        replica.fold_events(batch(step, first_day=10 * step), step + 1)
    replica.sweep()
    write_snapshot(tmp_path, *replica.copy("log"))
    again = Replica(plan)
    assert again.restore(tmp_path, "log", 0, 25)
    again.fold_events(batch(99, first_day=250), 26)
    replica.fold_events(batch(99, first_day=250), 26)
    assert again.canonical() == replica.canonical()
    assert canonical(again.state) != canonical(Replica(plan).state)

"""What survives: restarts, damaged snapshots, retention, new definitions, full disks."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.events_made import histories
from tests.features.test_reader_borders import compare
from tests.model import Event
from tests.opened import AGES, PLAN, Opened, check, event, logged, now, post, put, read

from afresh import App, Catalog, Features, count, daily, sliding
from afresh.errors import StorageFull, Unavailable
from afresh.runtime import Runtime
from afresh.settings import Settings
from afresh.surface import Query

# What was acknowledged survives.


def spoil(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    if how == "deleted":
        path.unlink()
        return
    if how == "cut":
        del data[len(data) // 2 :]
    elif how == "empty":
        data.clear()
    else:
        data[{"magic": 0, "header": 30, "middle": len(data) // 2}[how]] ^= 0x40
    path.write_bytes(data)


@pytest.mark.parametrize("how", ["fine", "deleted", "cut", "empty", "magic", "header", "middle"])
def test_restart_with_any_snapshot_gives_the_same_state(opened: Opened, how: str) -> None:
    runtime = opened()
    put(runtime, "i", category="red", price="1.25")
    post(runtime, event(), event(session_id="s", event_type="buy"))
    opened()  # two snapshots
    runtime = opened()
    post(runtime, event(event_id="e"))
    before = check(runtime)
    opened.leave()
    if how != "fine":
        spoil(opened.snapshots[-1], how)
    runtime = opened()
    assert check(runtime) == before
    assert post(runtime, event(event_id="x")).accepted == 1
    check(runtime)


def test_every_snapshot_spoilt_the_log_is_folded(opened: Opened) -> None:
    runtime = opened()
    post(runtime, event())
    opened()
    post(opened(), event())
    assert opened.runtime is not None
    before = check(opened.runtime)
    opened.leave()
    for path in opened.snapshots:
        spoil(path, "middle")
    assert check(opened()) == before
    assert list((opened.folder / "snapshots").glob("*.bad"))


def posted(made: Event) -> dict[str, Any]:
    """An event as a client sends it; the catalogue's columns are the door's to write."""
    said: dict[str, Any] = {"event_id": made.id, "event_type": made.type, "timestamp": made.ts}
    said |= {"user_id": made.user, "item_id": made.item, "session_id": made.session}
    fields = {n: v for n, v in made.fields.items() if not n.startswith("item.") and v is not None}
    if "value" in fields:
        said["value"] = money(fields.pop("value"))
    if "price" in fields:
        fields["price"] = money(fields["price"])
    return {**said, "properties": fields}


def money(cents: int | str | None) -> str:
    assert isinstance(cents, int)
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"


@settings(max_examples=12)
@given(histories(most=16), st.data())
def test_any_order_repeats_and_restarts_give_the_model(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event], data: st.DataObject
) -> None:
    opened = Opened(tmp_path_factory.mktemp("runtime"))
    try:
        runtime = opened(settings=AGES)
        put(runtime, "i1", category="red", grade=4, fragile=True, price="10.00", brand="blue")
        put(runtime, "i2", category="blue")
        sent: list[Event] = []
        refused: list[Event] = []
        for made in data.draw(st.permutations(events)):
            again = data.draw(st.lists(st.sampled_from([made, *sent]), max_size=3))
            receipt = post(runtime, *map(posted, [made, *again]))
            if receipt.rejected:  # another user's session: neither it nor its copies enter
                said = {(r.code, r.index) for r in receipt.rejected}
                copies = [at for at, e in enumerate([made, *again]) if e is made]
                assert said == {("session_already_linked", at) for at in copies}
                assert runtime.replica.user_of(str(made.session)) not in (None, made.user)
                refused.append(made)
                continue
            assert receipt.accepted == 1
            assert receipt.duplicates == len(again)
            sent.append(made)
            act = data.draw(st.sampled_from(["", "", "", "sweep", "snapshot", "fold"]))
            if act == "sweep":
                runtime.replica.state.sweep()
            elif act:
                opened.leave(snapshot=act == "snapshot")
                runtime = opened(settings=AGES)
        check(runtime)
        held = logged(runtime)
        assert sorted(e.order for e in held) == sorted(e.order for e in events if e not in refused)
        moment = runtime.replica.state.newest + 1
        compare(PLAN, runtime.replica.reader, held, moment)
    finally:
        opened.leave()


def test_ids_are_remembered_over_a_restart(opened: Opened) -> None:
    runtime = opened()
    ahead = event(event_id="ahead", timestamp=now() + 1_000_000)
    plain = event(event_id="plain", value="1.50", properties={"brand": "red"})
    assert post(runtime, ahead, plain).accepted == 2
    for _ in range(2):
        assert post(runtime, ahead, plain).duplicates == 2
        other = post(runtime, {**plain, "value": "1.51"}, {**ahead, "user_id": "w"})
        assert [r.code for r in other.rejected] == ["conflict", "conflict"]
        runtime = opened()
    assert read(runtime, "item_id", "i", "days") == 2


def test_retention_keeps_the_catalogue_and_the_state(opened: Opened) -> None:
    runtime = opened()
    put(runtime, "i", category="red")
    for _ in range(5):
        post(runtime, event())
    put(runtime, "j", category="blue")
    state = runtime.replica.canonical()
    runtime = opened()
    dropped = runtime.store.trim(before_arrival=now() + 1, upto=runtime.replica.offset)
    assert dropped.records > 0
    post(runtime, event(user_id="w"))
    assert read(runtime, "item_id", "i", "days") == 6
    runtime = opened()
    assert read(runtime, "item_id", "i", "days") == 6
    opened.leave()
    for path in opened.snapshots:
        path.unlink()
    runtime = opened()
    assert runtime.item("i") is not None
    assert runtime.item("j") is not None
    assert read(runtime, "item_id", "i", "days") == 1
    assert state.split(b"\n")[-2:] == runtime.replica.canonical().split(b"\n")[-2:]


# The definition changes.


class Things(Catalog):
    category: str


def shop(*, wide: bool) -> App:
    made = App("shop", catalog=Things, features=[])
    view = made.event("view", brand=str)

    class Narrow(Features, key="item_id"):
        hour = count(view, window=sliding("1h"))

    class Wide(Features, key="user_id"):
        kinds = count(view, by=view.brand, window=daily(1))

    made._features = [Narrow, Wide] if wide else [Narrow]
    return made


def test_a_changed_definition_folds_the_log_again_with_progress(opened: Opened) -> None:
    runtime = opened(shop(wide=False))
    put(runtime, "i", category="red")
    post(runtime, event(properties={"brand": "b"}), event())
    check(runtime)
    opened.leave()
    seen: list[tuple[str, int, int]] = []
    tell: Callable[..., None] = lambda *step: seen.append(step)  # noqa: E731
    runtime = Runtime.open(shop(wide=True), opened.folder, Settings(), progress=tell)
    opened.runtime = runtime
    check(runtime)
    assert read(runtime, "user_id", "u", "kinds") == {"b": 1, "": 1}
    assert ("fold", 3, 3) in seen
    check(opened(shop(wide=False)))


# Full, slow, closed.


def test_a_full_log_refuses_cleanly_and_recovers(opened: Opened) -> None:
    runtime = opened()
    post(runtime, event())
    before = runtime.replica.canonical()
    runtime.store.max_bytes = runtime.store.bytes_used()
    events = [event(event_id=f"e{n}") for n in range(50)]
    for _ in range(2):
        with pytest.raises(StorageFull):
            post(runtime, *events)
        with pytest.raises(StorageFull):
            put(runtime, "i", category="red")
    assert runtime.replica.canonical() == before
    assert runtime.item("i") is None
    assert not runtime.ready()[0]
    assert runtime.recommend(Query(user_id="w")).items
    runtime.store.max_bytes = None
    assert post(runtime, *events).accepted == 50
    assert runtime.ready()[0]
    check(runtime)
    check(opened())


# Retention asks what is still needed.


def snapshot(runtime: Runtime) -> None:
    runtime.recovery._save(*runtime.recovery._copy())


def test_retention_never_outruns_the_older_snapshot(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = opened(settings=Settings(log_retention_age=0, admission_horizon=0))
    old = now() - 3 * 365 * 86_400_000
    runtime.admission.horizon_ms = 10 * 365 * 86_400_000
    monkeypatch.setattr(runtime.admission.known, "horizon_s", 0)
    for n in range(8):
        post(runtime, event(timestamp=old + n))
        if n in (3, 6):
            snapshot(runtime)
    post(runtime, event(timestamp=now()))
    time.sleep(0.01)
    runtime.recovery.trim()
    assert 0 < runtime.store.start <= 4, "the older snapshot ends at 4"
    state = runtime.replica.canonical()
    opened.leave(snapshot=False)
    opened.snapshots[-1].write_bytes(b"spoilt")
    assert opened().replica.canonical() == state


def test_retention_keeps_the_ids_that_a_copy_may_bear(opened: Opened) -> None:
    runtime = opened(settings=Settings(log_retention_age=0))
    first = event(event_id="once")
    post(runtime, first)
    for _ in range(2):
        post(runtime, event())
        snapshot(runtime)
    runtime.recovery.trim()
    runtime = opened()
    assert post(runtime, first).duplicates == 1


def test_a_fold_that_fails_stops_the_writer_and_the_next_start_has_the_event(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = opened()
    post(runtime, event())

    def fail(batch: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(runtime.replica.state, "fold", fail)
    with pytest.raises(Unavailable, match="could not follow"):
        post(runtime, event(event_id="logged"))
    monkeypatch.undo()
    with pytest.raises(Unavailable):
        post(runtime, event())
    with pytest.raises(Unavailable):
        put(runtime, "i", category="red")
    assert not runtime.ready()[0]
    runtime = opened()
    assert [e.id for e in logged(runtime)][-1] == "logged"
    check(runtime)

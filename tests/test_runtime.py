"""A runtime from outside: what goes in counts at once, survives, and is refused cleanly."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.events_made import histories
from tests.everything import app
from tests.features.test_reader_borders import compare
from tests.model import Event, Model, events_of

from afresh import App, Catalog, Features, count, daily, sliding
from afresh.errors import BadRequest, NotFound, Overloaded, StorageFull, Unavailable
from afresh.events.batch import decode_batch
from afresh.features.canonical import canonical
from afresh.log.token import Place, write_token
from afresh.runtime import Runtime
from afresh.settings import Settings
from afresh.store.replica import Replica
from afresh.surface import Query

PLAN = app.plan()
AGES = Settings(admission_horizon=10 * 365 * 86_400_000)
"""A door that admits the years of `histories`."""


class Opened:
    """A folder whose runtime can be closed, or abandoned, and opened again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runtime: Runtime | None = None

    def __call__(self, app: App = app, settings: Settings | None = None) -> Runtime:
        self.leave()
        self.runtime = Runtime.open(app, self.folder, settings or Settings())
        return self.runtime

    def leave(self, *, snapshot: bool = True) -> None:
        if self.runtime is not None:
            if not snapshot:
                self.runtime.recovery.saved_offset = 1 << 60
            self.runtime.close()
            self.runtime = None

    @property
    def snapshots(self) -> list[Path]:
        return sorted((self.folder / "snapshots").glob("*.snapshot"))


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    made = Opened(tmp_path)
    yield made
    made.leave()


def now() -> int:
    return time.time_ns() // 1_000_000


def event(**said: Any) -> dict[str, Any]:
    return {"event_type": "view", "timestamp": now(), "user_id": "u", "item_id": "i", **said}


def post(runtime: Runtime, *events: dict[str, Any]) -> Any:
    return runtime.ingest(json.dumps(events).encode())


def put(runtime: Runtime, item_id: str, **values: Any) -> None:
    asyncio.run(runtime.put_item(item_id, values))


def read(runtime: Runtime, key: str, entity: str, feature: str, as_of: int | None = None) -> Any:
    return runtime.features({key: [entity]}, [feature], as_of).rows[0][feature]


def logged(runtime: Runtime) -> list[Event]:
    entries = [e for e in runtime.store.read() if e.kind == "events"]
    return [event for e in entries for event in events_of(decode_batch(e.payload))]


def check(runtime: Runtime) -> bytes:
    """The state equals the log folded from nothing, and the model; returns its bytes."""
    scratch = Replica(runtime.plan)
    for entry in runtime.store.read():
        scratch.apply(entry)
    whole = runtime.replica.canonical()
    assert whole == scratch.canonical()
    assert canonical(runtime.replica.state) == Model(runtime.plan, logged(runtime)).canonical()
    return whole


# What was acknowledged is in the next answer.


def test_an_event_counts_in_the_very_next_answer(opened: Opened) -> None:
    runtime = opened()
    for n in range(1, 4):
        receipt = post(runtime, event(user_id=f"u{n}"), event(event_type="buy", user_id="v"))
        assert read(runtime, "item_id", "i", "days") == 2 * n
        answer = runtime.recommend(Query(user_id="new", after=receipt.offset))
        assert answer.fresh
        assert [item.item_id for item in answer.items] == ["i"]
        assert runtime.trending("1h", 5, {}).items[0].item_id == "i"
    assert read(runtime, "user_id", "u1", "recent") == ["i"]


def test_a_token_of_this_log_ahead_of_it_is_not_fresh(opened: Opened) -> None:
    runtime = opened()
    ahead = write_token(Place(runtime.log.id, 99, 0))
    assert runtime.recommend(Query(user_id="u", after=ahead)).fresh is False


@pytest.mark.parametrize("token", ["x", "a" * 200, "\u00e9", "gg==", "k6E", "AAAA", "\0", "oA"])
def test_a_malformed_token_is_refused(opened: Opened, token: str) -> None:
    with pytest.raises(BadRequest) as error:
        opened().recommend(Query(user_id="u", after=token))
    assert error.value.code == "bad_token"


def test_a_token_of_another_log_is_refused(opened: Opened) -> None:
    with pytest.raises(BadRequest) as error:
        opened().recommend(Query(user_id="u", after=write_token(Place("other", 0, 0))))
    assert error.value.code == "foreign_token"


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
        for made in data.draw(st.permutations(events)):
            again = data.draw(st.lists(st.sampled_from([made, *sent]), max_size=3))
            receipt = post(runtime, *map(posted, [made, *again]))
            assert (receipt.accepted, receipt.rejected) == (1, [])
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
        assert sorted(e.order for e in held) == sorted(e.order for e in events)
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


# Items.


def test_an_item_is_put_patched_deleted(opened: Opened) -> None:
    runtime = opened()
    put(runtime, "i", category="red", grade=3)
    assert runtime.item("i") == {
        "item_id": "i", "category": "red", "brand": None, "price": None, "grade": 3,
        "fragile": None, "in_stock": True,
    }  # fmt: skip
    asyncio.run(runtime.patch_item("i", {"grade": None, "in_stock": False}))
    record = runtime.item("i")
    assert record is not None
    assert (record["category"], record["grade"], record["in_stock"]) == ("red", None, False)
    with pytest.raises(BadRequest):
        asyncio.run(runtime.patch_item("i", {"grade": 2**31}))
    with pytest.raises(BadRequest):
        asyncio.run(runtime.patch_item("i", {"colour": 1}))
    runtime = opened()
    assert runtime.item("i") == record
    asyncio.run(runtime.delete_item("i"))
    for again in (False, True):
        runtime = opened() if again else runtime
        assert runtime.item("i") is None
        with pytest.raises(NotFound):
            asyncio.run(runtime.patch_item("i", {}))
        with pytest.raises(NotFound):
            asyncio.run(runtime.delete_item("i"))
    check(runtime)


def test_a_split_keeps_the_category_in_force_when_the_event_came(opened: Opened) -> None:
    runtime = opened()
    buy = {"event_type": "buy", "properties": {"price": 1}}
    post(runtime, event(**buy))
    put(runtime, "i", category="red", fragile=True)
    post(runtime, event(**buy))
    asyncio.run(runtime.patch_item("i", {"category": "blue", "fragile": None}))
    post(runtime, event(**buy), event(**buy))
    asyncio.run(runtime.delete_item("i"))
    post(runtime, event(**buy))
    wanted = {"red": 1, "blue": 2, "": 2}
    assert read(runtime, "user_id", "u", "spent") == wanted
    assert read(runtime, "user_id", "u", "spent", as_of=now() + 1) == wanted
    assert read(opened(), "user_id", "u", "spent") == wanted


def test_a_price_the_event_does_not_say_is_its_item_s(opened: Opened) -> None:
    runtime = opened()
    put(runtime, "i", price="2.50")
    post(runtime, event(event_type="buy"), event(event_type="buy", properties={"price": "0.25"}))
    assert read(runtime, "item_id", "i", "hour") == 2.75


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


def test_a_full_queue_refuses_and_what_waited_is_kept(opened: Opened) -> None:
    runtime = opened(settings=Settings(queue_events=4, group_events=1))
    with runtime.replica.lock:  # the writer waits with what it has
        waiting = [runtime.submit(json.dumps(event()).encode()) for _ in range(4)]
        with pytest.raises(Overloaded) as error:
            post(runtime, event())
        assert error.value.retry_after > 0
    assert [submission.future.result().accepted for submission in waiting] == [1] * 4  # type: ignore[union-attr]
    assert post(runtime, event()).accepted == 1
    check(runtime)


def test_close_finishes_what_waits_and_refuses_what_comes(opened: Opened) -> None:
    runtime = opened()
    with runtime.replica.lock:
        waiting = [runtime.submit(json.dumps(event()).encode()) for _ in range(3)]
    opened.leave()
    assert [submission.future.result().accepted for submission in waiting] == [1] * 3  # type: ignore[union-attr]
    with pytest.raises(Unavailable):
        post(runtime, event())
    assert len(logged(opened())) == 3


def test_as_of_is_the_state_of_a_log_cut_at_that_moment(opened: Opened) -> None:
    runtime = opened()
    start = now() - 7_200_000
    for n in range(40):
        late = event(timestamp=start + n * 180_000, user_id=f"u{n % 3}", item_id=f"i{n % 4}")
        post(runtime, {**late, "event_type": ["view", "cart", "buy"][n % 3]})
    events = logged(runtime)
    for moment in (start + 1, start + 60 * 60_000, events[20].ts, events[20].ts + 1, now()):
        model = Model(PLAN, [e for e in events if e.ts < moment])
        for name, key, told in (
            ("odd", "i1", "i1"),
            ("hour", "i2", "i2"),
            ("recent", "u:u1", "u1"),
        ):
            feature = next(f for f in PLAN.features if f.name == name)
            wanted = model.value(feature, key, moment)
            assert read(runtime, feature.key, told, name, as_of=moment) == wanted

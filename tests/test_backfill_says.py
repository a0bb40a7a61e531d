"""What a shop says while a changed definition is backfilled, and where it cannot be."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from litestar.testing import TestClient
from structlog.testing import capture_logs
from tests.opened import Opened, check, event, now, post, put, read
from tests.widened import asked, shop, wait, warm

import afresh.recovery
from afresh import App, Catalog
from afresh.backfill import Backfill
from afresh.errors import Unavailable
from afresh.runtime import Runtime
from afresh.settings import Settings
from afresh.surface import Query
from afresh.watch.metrics import observed_app


def test_progress_is_told(changed: Runtime, gate: threading.Event, tmp_path: Path) -> None:
    def metrics() -> tuple[float, float]:
        lines = dict(
            line.split(" ")
            for line in client.get("/metrics").text.splitlines()[::-1]
            if line[0] != "#"
        )
        said = ("afresh_backfill_done_records", "afresh_backfill_records")
        return float(lines[said[0]]), float(lines[said[1]])

    with TestClient(
        observed_app(changed, Settings(data=tmp_path)), base_url="http://127.0.0.1"
    ) as client:  # type: ignore[type-var]
        wait(lambda: metrics()[0] > 0)
        done, total = metrics()
        assert 0 < done < total == 12
        assert client.get("/readyz").status_code == 200
        body = client.post("/v1/features", json={"keys": {"user_id": ["u0"]}}).json()
        assert body["warming"] == ["kinds", "tastes"]
        warm(changed, gate)
        assert metrics() == (0, 0)


def test_a_trimmed_log_is_told_of(opened: Opened, gate: threading.Event) -> None:
    runtime = opened(shop(wide=False))
    post(runtime, event())
    post(runtime, event())
    runtime = opened(shop(wide=False))
    assert runtime.store.trim(before_arrival=now() + 1, upto=1).records == 1
    with capture_logs() as lines:
        opened(shop(wide=True))
    (told,) = [line for line in lines if line["event"] == "folded_without_the_past"]
    assert told["features"] == []
    assert told["first_offset"] == 1


def test_retention_waits_for_the_backfill(
    changed: Runtime, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    backfill = changed.recovery.backfill
    assert backfill is not None
    wait(lambda: backfill.replica.offset)
    (kept,) = opened.snapshots  # trimming needs two; the older one decides
    kept.with_name(f"{10**9:020d}.snapshot").write_bytes(kept.read_bytes())
    monkeypatch.setattr(changed.admission.known, "horizon_s", -10)  # nothing else holds it back
    changed.recovery.settings = Settings(log_retention_age=60_000)
    upto: list[int] = []
    monkeypatch.setattr(changed.store, "trim", lambda **said: upto.append(said["upto"]))
    changed.recovery.trim()
    assert upto == [1] == [backfill.replica.offset]


def test_only_a_source_that_is_used_and_warms_is_named(
    opened: Opened, gate: threading.Event
) -> None:
    post(opened(shop(wide=False)), event(), event(user_id="w"))
    runtime = opened(shop(wide=False, window="6h"))
    assert runtime.recommend(Query(user_id="u")).degraded == ["warming:trending"]
    assert runtime.trending("6h", 5, {}).degraded == ["warming:trending"]
    assert runtime.trending("24h", 5, {}).degraded == []
    assert runtime.similar("i", 5).degraded == []
    warm(runtime, gate)
    assert runtime.recommend(Query(user_id="u")).degraded == []
    assert [item.item_id for item in runtime.trending("6h", 5, {}).items] == ["i"]
    check(runtime)


def test_a_new_event_type_is_taken_at_once(opened: Opened, gate: threading.Event) -> None:
    post(opened(shop(wide=False)), event(), event(user_id="w"))
    runtime = opened(shop(wide=False, likes=True))
    assert post(runtime, event(event_type="like", item_id="j")).accepted == 1
    degraded = ["warming:trending", "warming:preference"]
    assert runtime.recommend(Query(user_id="u")).degraded == degraded
    assert runtime.similar("i", 5).degraded == ["warming:similar"]
    warm(runtime, gate)
    check(runtime)
    assert runtime.trending("24h", 5, {}).items[0].item_id == "i"
    assert len(runtime.trending("24h", 5, {}).items) == 2


def test_what_cannot_be_taken_over_is_folded_first_and_said(
    opened: Opened, gate: threading.Event
) -> None:
    runtime = opened(shop(wide=False, likes=True))
    post(runtime, event(), event(event_type="like"))
    with capture_logs() as lines:
        runtime = opened(shop(wide=True))
    assert runtime.recovery.backfill is None
    said = [line["reason"] for line in lines if line["event"] == "folding_before_answers"]
    assert said == ["the event type like is gone"]
    assert asked(runtime, "u")["rows"][0]["kinds"] == {"": 1}


def test_a_failing_backfill_leaves_the_answers_alone(
    changed: Runtime, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    backfill = changed.recovery.backfill
    assert backfill is not None

    def broken(entry: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(backfill.replica, "apply", broken)
    gate.set()
    wait(lambda: backfill.failure)
    post(changed, event(user_id="u0", item_id="i"))
    assert read(changed, "item_id", "i", "hour") == 10
    assert asked(changed, "u0")["warming"] == ["kinds", "tastes"]


class There(Catalog):
    in_stock: bool = True


class Gone(Catalog):
    in_stock: bool = False


@pytest.mark.parametrize("at_once", [0, 100])
def test_a_new_default_of_a_catalogue_field_holds_at_once(
    opened: Opened, gate: threading.Event, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(afresh.recovery, "AT_ONCE", at_once)

    def stocked(catalog: type[Catalog]) -> App:
        app = App("shop", catalog=catalog, features=[])
        app.event("view")
        return app

    runtime = opened(stocked(There))
    put(runtime, "i")
    post(runtime, event())
    assert runtime.recommend(Query()).items
    runtime = opened(stocked(Gone))
    assert (runtime.recovery.backfill is None) == (at_once > 0)
    assert not runtime.recommend(Query()).items
    warm(runtime, gate)
    assert not runtime.recommend(Query()).items


def test_a_runtime_that_broke_closes_its_backfill(changed: Runtime, opened: Opened) -> None:
    backfill = changed.recovery.backfill
    assert backfill is not None
    changed.writer.committer.broken = Unavailable("It broke.")
    opened.leave()
    assert not backfill._thread.is_alive()
    assert backfill.failure == ""


@pytest.mark.parametrize("where", ["following", "finishing"])
def test_what_failed_near_the_end_is_never_gone_on_from(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    runtime = opened(shop(wide=True))
    post(runtime, event())
    backfill = Backfill(runtime.store, runtime.plan)
    backfill.start()
    wait(backfill.near.is_set)
    if where == "finishing":
        backfill.close()

    def broken(entry: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(backfill.replica, "apply", broken)
    post(runtime, event())
    if where == "following":
        wait(lambda: backfill.failure)
    state = runtime.replica.state
    assert not backfill.finish(runtime.replica)
    assert backfill.failure == "no"
    assert not backfill.near.is_set()
    assert runtime.replica.state is state
    check(runtime)

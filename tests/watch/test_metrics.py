"""What /metrics tells is what happened."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from litestar.testing import TestClient
from prometheus_client.parser import text_string_to_metric_families

from afresh.loading import load
from afresh.runtime import Runtime
from afresh.settings import Settings
from afresh.watch.metrics import observed_app

SHOP = Path(__file__).parents[2] / "examples" / "shop.py"
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(client: TestClient[object]) -> Series:
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {(s.name, frozenset(s.labels.items())): s.value for f in families for s in f.samples}


def value(series: Series, name: str, **labels: str) -> float:
    return series[name, frozenset(labels.items())]


def test_requests_events_and_state_are_counted(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    runtime = Runtime.open(load(SHOP), tmp_path, settings)
    try:
        with TestClient(observed_app(runtime, settings), base_url="http://127.0.0.1") as client:  # type: ignore[type-var]
            now = int(time.time() * 1000)
            event = {"event_type": "view", "user_id": "u", "item_id": "i", "timestamp": now}
            bad = {**event, "event_type": "nope"}
            old = {**event, "timestamp": now - 100 * 3_600_000}
            named = {**event, "event_id": "e"}
            for body in ([event, bad, old], named, named):
                client.post("/v1/events", json=body)
            client.post("/v1/recommend", json={"user_id": "u"})
            client.get("/v1/items/one")
            client.get("/v1/items/two")
            client.get("/nothing")
            found = read(client)  # type: ignore[arg-type]
    finally:
        runtime.close()
    assert value(found, "afresh_events_total", verdict="accepted") == 2
    assert value(found, "afresh_events_total", verdict="duplicate") == 1
    assert value(found, "afresh_rejected_total", code="unknown_event_type") == 1
    assert value(found, "afresh_rejected_total", code="too_late") == 1
    assert value(found, "afresh_late_events_total") == 1
    assert value(found, "afresh_log_records") == 2
    assert value(found, "afresh_fold_lag_records") == 0
    assert value(found, "afresh_queue_events") == 0
    assert value(found, "afresh_ready") == 1
    assert value(found, "afresh_live_listeners") == 0
    assert value(found, "afresh_log_bytes") > 0
    assert value(found, "afresh_state_bytes") > 0
    assert value(found, "afresh_newest_event_timestamp_seconds") == pytest.approx(now / 1000)
    assert value(found, "afresh_answer_freshness_seconds_count") == 1
    count = "afresh_http_request_seconds_count"
    assert value(found, count, method="POST", route="/v1/events", status="202") == 3
    assert value(found, count, method="GET", route="/v1/items/{item_id}", status="404") == 2
    assert value(found, count, method="GET", route="none", status="404") == 1


def test_names_carry_their_units(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    runtime = Runtime.open(load(SHOP), tmp_path, settings)
    try:
        with TestClient(observed_app(runtime, settings), base_url="http://127.0.0.1") as client:  # type: ignore[type-var]
            names = {name for name, _ in read(client)}  # type: ignore[arg-type]
    finally:
        runtime.close()
    units = (
        "_seconds",
        "_bytes",
        "_total",
        "_events",
        "_records",
        "_items",
        "_listeners",
        "_ready",
    )
    parts = ("_bucket", "_sum", "_count", "_created")
    for name in names:
        if name.startswith("afresh_") and not name.endswith(parts):
            assert name.endswith(units), name

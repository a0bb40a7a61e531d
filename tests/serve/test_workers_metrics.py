"""`/metrics` tells of all workers, whichever is asked, and its sums never shrink."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families
from tests.serve.workers_started import alive, state, until, view, workers

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(client: httpx.Client) -> Series:
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {(s.name, frozenset(s.labels.items())): s.value for f in families for s in f.samples}


def value(series: Series, name: str, **labels: str) -> float:
    return series.get((name, frozenset(labels.items())), 0.0)


COUNT = "afresh_http_request_seconds_count"


def test_metrics_are_of_all_workers(tmp_path: Path) -> None:
    with workers(tmp_path) as served, served.both() as (writer, follower):
        for client, times in ((writer, 3), (follower, 4)):
            for _ in range(times):
                client.post("/v1/events", json=view("i", "s"))
                client.post("/v1/recommend", json={"user_id": "u"})
        for client in (writer, follower):
            found = read(client)
            assert value(found, "afresh_events_total", verdict="accepted") == 7
            labels = {"method": "POST", "route": "/v1/events", "status": "202"}
            assert value(found, COUNT, **labels) == 7
            assert value(found, "afresh_answer_freshness_seconds_count") == 7
            assert value(found, "afresh_log_records") == 7
            assert value(found, "afresh_ready") == 1
            assert value(found, "afresh_workers") == 2
        labels = {"method": "POST", "route": "/v1/recommend", "status": "200"}
        pid = state(follower)["pid"]
        os.kill(pid, signal.SIGKILL)
        until(lambda: not alive(pid))
        assert value(read(writer), COUNT, **labels) == 7, "while one is gone"
        until(lambda: served.said("worker_replaced"))
        until(lambda: value(read(writer), "afresh_workers") == 2)
        with served.both() as (_, replaced):
            assert state(replaced)["pid"] != pid
            replaced.post("/v1/recommend", json={"user_id": "u"})
            assert value(read(writer), COUNT, **labels) == 8, "and after it was replaced"
            assert value(read(replaced), COUNT, **labels) == 8

"""Workers that are killed: replaced, and nothing acknowledged is lost."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
from pathlib import Path

import httpx
import pytest
from tests.serve.workers_started import (
    SHOP,
    Workers,
    alive,
    same_state,
    state,
    until,
    view,
    workers,
)

from afresh.events.batch import decode_batch
from afresh.loading import load
from afresh.log.sqlite import SqliteLog
from afresh.store.replica import Replica

pytestmark = pytest.mark.slow


class Load:
    """Threads that send events, each with an id, and again until it is acknowledged."""

    def __init__(self, served: Workers, threads: int = 4) -> None:
        self.acknowledged: set[str] = set()
        self.statuses: set[int] = set()
        self._served, self._ended = served, False
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self, number: int) -> None:
        client = self._served.client()
        sent = 0
        while not self._ended:
            event_id = f"{number}-{sent}"
            event = view(f"i{sent % 9}", f"s{number}", event_id=event_id)
            while True:
                try:
                    answer = client.post("/v1/events", json=event)
                except httpx.HTTPError:
                    client.close()
                    client = self._served.client()
                    continue
                self.statuses.add(answer.status_code)
                if answer.status_code == 202:
                    self.acknowledged.add(event_id)
                    break
                assert answer.status_code == 503, answer.text
                assert "retry-after" in answer.headers
                time.sleep(0.02)
            sent += 1
        client.close()

    def more(self, n: int = 100) -> None:
        """Return when so many more were acknowledged."""
        target = len(self.acknowledged) + n
        until(lambda: len(self.acknowledged) >= target)

    def end(self) -> None:
        self._ended = True
        for thread in self._threads:
            thread.join()


def checked(folder: Path, load_: Load, canonical: str) -> None:
    """What was acknowledged is in the log, once, and the state is the log's fold."""
    log = SqliteLog(folder, readonly=True)
    replica = Replica(load(SHOP).plan())
    ids: list[str] = []
    for entry in log.read():
        replica.apply(entry)
        ids += decode_batch(entry.payload).strings("event_id")
    log.close()
    assert len(ids) == len(set(ids))
    assert load_.acknowledged <= set(ids)
    assert hashlib.sha256(replica.canonical()).hexdigest() == canonical


def test_a_follower_is_killed_under_load(tmp_path: Path) -> None:
    with workers(tmp_path) as served:
        load_ = Load(served)
        load_.more()
        for _ in range(3):
            with served.both() as (_, follower):
                pid = state(follower)["pid"]
            os.kill(pid, signal.SIGKILL)
            until(lambda pid=pid: not alive(pid))
            load_.more()
        load_.end()
        assert len(served.said("worker_died")) == 3
        until(lambda: len(served.said("worker_replaced")) == 3)
        with served.both() as (writer, follower):
            until(lambda: same_state(writer, follower))
            canonical = state(follower)["canonical"]
            assert state(writer)["pid"] != state(follower)["pid"]
        checked(tmp_path, load_, canonical)
        assert load_.statuses == {202}


def test_the_writer_is_killed_under_load(tmp_path: Path) -> None:
    with workers(tmp_path) as served:
        load_ = Load(served)
        load_.more()
        with served.both() as (writer, follower):
            os.kill(state(writer)["pid"], signal.SIGKILL)
            while not served.said("worker_replaced"):
                answer = follower.post("/v1/recommend", json={"user_id": "u"})
                assert answer.status_code == 200
            load_.more()
            assert follower.get("/readyz").status_code == 200
        load_.end()
        with served.both() as (writer, follower):
            until(lambda: same_state(writer, follower))
            canonical = state(follower)["canonical"]
        checked(tmp_path, load_, canonical)


def test_workers_end_with_their_supervisor(tmp_path: Path) -> None:
    with workers(tmp_path) as served:
        with served.both() as (writer, follower):
            pids = [state(writer)["pid"], state(follower)["pid"]]
        served.process.kill()
        served.process.wait()
        until(lambda: not any(map(alive, pids)))
    with workers(tmp_path) as again, again.client() as client:
        assert client.get("/readyz").status_code == 200


def test_a_second_signal_ends_all_at_once(tmp_path: Path) -> None:
    with workers(tmp_path) as served:
        with served.both() as (writer, follower):
            pids = [state(writer)["pid"], state(follower)["pid"]]
            os.kill(pids[1], signal.SIGSTOP)  # it would never end by itself
            served.process.send_signal(signal.SIGINT)
            until(lambda: served.said("stopping"))
            served.process.send_signal(signal.SIGINT)
            assert served.process.wait(10) == 128 + signal.SIGINT
        until(lambda: not any(map(alive, pids)))

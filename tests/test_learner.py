"""The learned blend: outcomes move the weights, the log's last record is what scores."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from afresh import App, trending
from afresh.errors import AfreshError
from afresh.learner import Action, Learner
from afresh.log import Pending
from afresh.log.sqlite import SqliteLog
from afresh.rank.softmax import Softmax
from afresh.runtime import Runtime
from afresh.settings import load_settings
from afresh.submission import Submission
from afresh.surface import Query

START = 1_700_000_000_000


def shop() -> App:
    app = App("learning")
    app.event("view")
    app.surface("home", sources=[trending("1h")], filters=[], scorer="learned")
    return app


def lines(n: int, first: int = 0) -> bytes:
    """Sessions that go a, b, c, d; each is a minute after the one before."""
    said = [
        {"event_type": "view", "event_id": f"{s}-{at}", "session_id": f"s{s}", "item_id": item,
         "timestamp": START + s * 60_000 + at * 1000}
        for s in range(first, first + n) for at, item in enumerate("abcd")
    ]  # fmt: skip
    return b"\n".join(msgspec.json.encode(event) for event in said)


@pytest.fixture
def runtime(tmp_path: Path):  # type: ignore[no-untyped-def]
    opened = Runtime.open(
        shop(), tmp_path, load_settings(learn_per_second=0, admission_horizon="99999d")
    )
    yield opened
    opened.close()


def ignored(record: bytes) -> None:
    """Where a record would be written."""


def asked(runtime: Runtime) -> list[tuple[str, float]]:
    answer = runtime.recommend(Query(session_id="s1"))
    assert (answer.model, answer.degraded) == ("softmax", [])
    return [(item.item_id, item.score) for item in answer.items]


def test_what_people_do_next_moves_the_weights_and_the_log_says_which_count(
    runtime: Runtime, tmp_path: Path
) -> None:
    runtime.ingest(lines(40))
    written: list[bytes] = []
    learner = Learner(runtime.replica, runtime.surfaces.examples, written.append, per_second=100)
    before = learner.model.weights.copy()
    learned = [learner.learn(Action("", f"s{s}", "c", START + s * 60_000 + 2000)) for s in (5, 6)]
    assert learned == [True, True]
    assert not np.array_equal(learner.model.weights, before)
    first = asked(runtime)
    record = msgspec.json.encode(learner.model.to_record())
    runtime.writer.submit(sent := Submission(weights=record))
    sent.future.result(10)
    assert runtime.replica.weights == record
    assert runtime.surfaces.sources.scorer.weights.tolist() == learner.model.weights.tolist()
    assert asked(runtime) != first


def test_of_visitors_without_a_past_the_blend_decides(runtime: Runtime) -> None:
    runtime.ingest(lines(40))
    known, new = runtime.recommend(Query(session_id="s1")), runtime.recommend(Query(session_id="?"))
    assert (known.model, new.model) == ("softmax", "blend")


def test_weights_survive_a_restart_from_a_snapshot_and_from_the_log(tmp_path: Path) -> None:
    model = Softmax()
    model.weights += 0.25
    record = msgspec.json.encode(model.to_record())
    settings = load_settings(learn_per_second=0, admission_horizon="99999d")
    runtime = Runtime.open(shop(), tmp_path, settings)
    runtime.ingest(lines(3))
    runtime.writer.submit(sent := Submission(weights=record))
    sent.future.result(10)
    wanted = runtime.replica.canonical()
    runtime.close()
    for _ in range(2):
        again = Runtime.open(shop(), tmp_path, settings)
        assert again.replica.weights == record
        assert again.replica.canonical() == wanted
        again.close()
        for snapshot in (tmp_path / "snapshots").iterdir():
            snapshot.unlink()


def test_what_is_unknown_teaches_nothing(runtime: Runtime) -> None:
    runtime.ingest(lines(5))
    learner = Learner(
        runtime.replica, runtime.surfaces.examples, lambda record: None, per_second=100
    )
    assert not learner.learn(Action("", "nobody", "a", START + 10**9))
    assert not learner.learn(Action("", "s1", "never seen", START + 10**9))
    assert learner.model.outcomes == 0


def test_only_as_much_is_heard_as_can_be_learned(runtime: Runtime) -> None:
    learner = Learner(runtime.replica, runtime.surfaces.examples, ignored, per_second=3)
    runtime.on_folded(learner.hear)
    runtime.ingest(lines(50))
    with runtime.writer.committer.alone():
        assert len(learner._waiting) == 3


def test_a_log_that_takes_no_record_is_asked_again(runtime: Runtime) -> None:
    def refuse(record: bytes) -> None:
        raise AfreshError("full")

    runtime.ingest(lines(10))
    learner = Learner(runtime.replica, runtime.surfaces.examples, refuse, per_second=3)
    learner._since, learner._written_at = 1, -1e9
    learner._record()
    assert learner._since == 1


def test_the_log_keeps_only_the_newest_weights_before_its_start(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path)
    for at in range(1, 4):
        log.append([Pending("events", 2, at, at, at, b"events")])
        log.append([Pending("weights", 1, at, at, at, b"w%d" % at)])
    log.trim(before_arrival=3)
    assert [e.payload for e in log.read() if e.kind == "weights"] == [b"w2", b"w3"]
    log.close()

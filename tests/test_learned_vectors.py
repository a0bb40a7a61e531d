"""Vectors learned from visits, in a process that runs: fitted, used, exchanged, and replayed."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from afresh import App, Catalog, Features, count, daily, embeddings, trending
from afresh.errors import NotFound
from afresh.runtime import Runtime
from afresh.settings import load_settings
from afresh.surface import Query
from afresh.train.impressions import joined, looked_again, read_impressions
from afresh.train.outcomes import read_outcomes
from afresh.vectors.shelf import Shelf

GROUPS, EACH = 6, 8
WORDS = ["shoes", "soup", "lamps", "books", "chairs", "trains"]
NOW = int(time.time() * 1000)
LATER = itertools.count()


def shop() -> App:
    class Goods(Catalog):
        title: str

    app = App("learned", catalog=Goods)
    view = app.event("view")

    class Pulse(Features, key="item_id"):
        views = count(view, window=daily(7))

    app._features = [Pulse]
    app.surface("home", sources=[embeddings()], filters=[], n=5)
    app.surface("plain", sources=[trending("7d")], filters=[])
    return app


def opened(folder: Path, every: str = "0") -> Runtime:
    return Runtime.open(shop(), folder, load_settings(vectors_every=every, learn_per_second=0))


def filled(runtime: Runtime, *, seed: int = 0, without: int = -1) -> None:
    """Visits that stay in a group of eight; every item has a title. without: never touched."""
    items = [
        {"item_id": f"i{n}", "title": f"{WORDS[n // EACH]} model {n}"} for n in range(GROUPS * EACH)
    ]
    submit_items(runtime, items)
    rng = np.random.default_rng(seed)
    said = []
    for v in range(300):
        group = int(rng.integers(GROUPS))
        for step, at in enumerate(rng.permutation(EACH)[:4].tolist()):
            if group * EACH + at != without:
                said.append({
                    "event_id": f"{seed}.{v}.{step}", "event_type": "view",
                    "session_id": f"v{seed}.{v}", "item_id": f"i{group * EACH + at}",
                    "timestamp": NOW - 3_600_000 + 1000 * v + step,
                })  # fmt: skip
    receipt = runtime.ingest(b"\n".join(map(msgspec.json.encode, said)))
    assert not receipt.rejected


def fitted(folder: Path, **given: int) -> Runtime:
    """A shop with a past, whose server has fitted vectors of it."""
    runtime = opened(folder)
    filled(runtime, **given)
    runtime.close()
    runtime = opened(folder, "6h")
    eventually(lambda: bool(in_force(runtime)))
    return runtime


def submit_items(runtime: Runtime, items: list[dict[str, str]]) -> None:
    from afresh.submission import ItemChange, Submission

    lines = runtime.writer.items.lines(b"\n".join(map(msgspec.json.encode, items)))
    assert not lines.rejected
    changes = [ItemChange(item_id, record) for item_id, record in lines.records]
    runtime._submit(Submission(changes=changes))


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def visited(runtime: Runtime, item: str, session: str = "me") -> None:
    ts = NOW + next(LATER)
    said = {"event_type": "view", "session_id": session, "item_id": item, "timestamp": ts}
    runtime.ingest(msgspec.json.encode(said))


def in_force(runtime: Runtime) -> str:
    held = runtime.surfaces.sources.behaviour
    return held.name if held is not None else ""


def refitted(runtime: Runtime, before: str) -> None:
    """Wait for another fit than the one before."""
    runtime.learned_vectors.every = 1  # older than a millisecond is too old
    runtime.learned_vectors._tried = float("-inf")
    eventually(lambda: in_force(runtime) not in ("", before))
    runtime.learned_vectors.every = 0


def groups(runtime: Runtime, session: str = "me") -> set[int]:
    answer = runtime.recommend(Query(session_id=session))
    assert answer.degraded == []
    near = [item.item_id for item in answer.items if item.sources == ["embeddings"]]
    return {int(name[1:]) // EACH for name in near}


def test_a_server_fits_by_itself_and_answers_by_it_at_once(tmp_path: Path) -> None:
    runtime = opened(tmp_path)
    filled(runtime)
    assert groups(runtime) == set()
    runtime.close()
    runtime = opened(tmp_path, "6h")
    eventually(lambda: bool(in_force(runtime)))
    visited(runtime, "i17")
    assert groups(runtime) == {2}
    visited(runtime, "i42")  # the click before counts half of this one
    assert 5 in groups(runtime)
    first = in_force(runtime)
    runtime.close()
    runtime = opened(tmp_path, "6h")  # what is fresh enough is not fitted again
    eventually(lambda: bool(in_force(runtime)))
    assert in_force(runtime) == first
    assert 0 <= runtime.stats()["vectors_age"] < 600
    assert Shelf(tmp_path / "vectors").names() == [first]
    runtime.close()


def test_what_nobody_has_touched_is_found_by_its_title(tmp_path: Path) -> None:
    runtime = fitted(tmp_path, without=19)
    visited(runtime, "i17")
    submit_items(runtime, [{"item_id": "new", "title": "lamps model 99"}])
    found = runtime.recommend(Query(session_id="me", n=10)).items
    names = [item.item_id for item in found if item.sources == ["embeddings"]]
    assert {"i19", "new"} <= set(names)
    runtime.close()


def test_answers_replay_with_the_vectors_they_rested_on(tmp_path: Path) -> None:
    runtime = fitted(tmp_path)
    first = in_force(runtime)
    visited(runtime, "i17")
    answer = runtime.recommend(Query(session_id="me"))
    plain = runtime.recommend(Query(session_id="me", surface="plain"))
    filled(runtime, seed=1)
    refitted(runtime, first)
    for asked in (answer, plain):
        said = runtime.explain(asked.request_id, replay=True)
        assert said.replay is not None
        assert said.replay.same, (said.answer, said.replay.answer)
    trace = runtime.traces.get(answer.request_id)
    other = runtime.traces.get(plain.request_id)
    assert trace is not None
    assert other is not None
    assert (trace.vectors, other.vectors) == (first, "")
    (tmp_path / "vectors" / f"{first}.npz").unlink()
    with pytest.raises(NotFound, match="gone"):
        runtime.explain(answer.request_id, replay=True)
    runtime.close()


def test_requests_go_on_while_vectors_are_exchanged(tmp_path: Path) -> None:
    """Fits one after the other under load: every answer has its five items, none fails."""
    runtime = fitted(tmp_path)
    visited(runtime, "i17")
    seen = set()
    runtime.learned_vectors.every = 1
    deadline = time.monotonic() + 60
    while len(seen) < 3:
        assert time.monotonic() < deadline
        runtime.learned_vectors._tried = float("-inf")
        answer = runtime.recommend(Query(session_id="me"))
        assert (len(answer.items), answer.degraded) == (5, [])
        assert {item.sources[0] for item in answer.items} == {"embeddings"}
        seen.add(in_force(runtime))
    followers = runtime.replica.followers
    runtime.close()
    assert sum(type(each).__name__ == "BehaviourVectors" for each in followers) == 1


def test_a_damaged_fit_is_refused_and_the_one_before_goes_on(tmp_path: Path) -> None:
    runtime = fitted(tmp_path)
    first = in_force(runtime)
    shelf = Shelf(tmp_path / "vectors")
    later = f"{NOW + 60_000:013d}-{'0' * 16}"
    (shelf.folder / f"{later}.npz").write_bytes(b"no vectors")
    runtime.learned_vectors.look()
    assert in_force(runtime) == first
    visited(runtime, "i17")
    assert groups(runtime) == {2}
    runtime.close()


def test_impressions_are_read_again_with_the_vectors_of_their_time(tmp_path: Path) -> None:
    runtime = fitted(tmp_path)
    given = []
    for turn in range(2):
        for n in (3, 17, 30):
            visited(runtime, f"i{n}", f"{turn}.{n}")
            answer = runtime.recommend(Query(session_id=f"{turn}.{n}"))
            given.append([item.score for item in answer.items if item.score > 0])
            time.sleep(0.005)  # what is taken comes after what was shown
            now = time.time_ns() // 1_000_000
            took = {"event_type": "view", "session_id": f"{turn}.{n}", "timestamp": now}
            runtime.ingest(msgspec.json.encode({**took, "item_id": answer.items[1].item_id}))
        if not turn:
            first = in_force(runtime)
            filled(runtime, seed=1)
            refitted(runtime, first)
    runtime.traces.flush()
    log, plan, surface = runtime.log, runtime.plan, runtime.app.surfaces[0]
    shown = read_impressions(tmp_path, "home", 0, log.end)
    assert len({each.vectors for each in shown}) == 2
    assert joined(shown, read_outcomes(log, plan, log.end, lambda *said: None)) == 6
    shelf = runtime.learned_vectors.shelf
    examples = looked_again(
        plan, surface, log, shown, shelf, rows=1000, seed=0, until=log.end, current=None,
        progress=lambda *said: None,
    )  # fmt: skip
    for q, scores in enumerate(given):
        own = examples.own[examples.rows(q, q + 1)]
        assert [float(f"{score:.6g}") for score in own] == scores
    (shelf.folder / f"{first}.npz").unlink()
    assert len(read_impressions(tmp_path, "home", 0, log.end)) == 3
    runtime.close()

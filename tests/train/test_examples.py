"""Examples: what a server would have known at each moment, by an independent replay."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from tests.train.shops import START, Said, filled, history, shop

from afresh.events.admission import Admission
from afresh.events.columnar import Columnar
from afresh.events.decode import EventDecoder
from afresh.log.sqlite import SqliteLog
from afresh.request import Query
from afresh.store.replica import Replica
from afresh.surface import Surfaces
from afresh.train.examples import Examples, asked_again
from afresh.train.outcomes import WINDOW_MS, Outcomes, greatest_within, read_outcomes, sampled

APP = shop()
PLAN = APP.plan()
WORTH = {"view": 1, "buy": 5}


def asked(folder: Path, rows: int = 1_000_000, seed: int = 0) -> tuple[Outcomes, Examples]:
    log = SqliteLog(folder, readonly=True)
    outcomes = read_outcomes(log, PLAN, log.end, lambda *said: None)
    examples = asked_again(
        PLAN, APP.surfaces[0], log, outcomes, rows=rows, seed=seed, until=log.end, current=None,
        progress=lambda *said: None,
    )  # fmt: skip
    log.close()
    return outcomes, examples


def fresh(events: list[Said]) -> Replica:
    """A state that has never heard of anything but these."""
    replica = Replica(PLAN)
    if events:
        decoded = EventDecoder(PLAN.accepted).decode(msgspec.json.encode(events))
        batch = Columnar(PLAN.accepted).columns(decoded.events).batch
        admitted = Admission(replica.catalog, horizon_ms=10**14).admit(batch, START + 10**10)
        replica.fold_events(admitted.batch, len(events))
    return replica


def later(events: list[Said], event: Said) -> int:
    """The weightiest that the same person does to the same item within the window."""
    ts, who, item = event["timestamp"], event["user_id"], event["item_id"]
    return max(
        WORTH[str(other["event_type"])]
        for other in events
        if (other["user_id"], other["item_id"]) == (who, item)
        and 0 <= other["timestamp"] - ts <= WINDOW_MS  # type: ignore[operator]
    )


def test_each_row_is_what_was_known_before_its_outcome(tmp_path: Path) -> None:
    events = history(60)
    filled(APP, tmp_path, events)
    outcomes, examples = asked(tmp_path)
    assert len(outcomes) == len(events)
    assert 50 < len(examples) < len(events)
    moments = [e["timestamp"] for e in events]
    grades = {1: 1, 5: 2}
    columns = [examples.names.index(name) for name in ("views", "sold", "looks")]
    for q, ts in enumerate(examples.ts.tolist()):
        now = [e for e, t in zip(events, moments, strict=True) if t == ts]
        assert len(now) == 1  # one question, one answer, here
        answer, before = now[0], [e for e in events if e["timestamp"] < ts]  # type: ignore[operator]
        replica = fresh(before)
        surfaces = Surfaces(APP.surfaces, replica)
        query = Query(user_id=answer["user_id"], session_id=answer["session_id"], n=100)  # type: ignore[arg-type]
        shown = [item.item_id for item in surfaces.recommend(query, ts).items if item.score > 0]
        rows = examples.rows(q, q + 1)
        assert rows.stop - rows.start == len(shown)
        worth = later(events, answer)
        wanted = [grades[worth] if item == answer["item_id"] else 0 for item in shown]
        assert examples.grade[rows].tolist() == wanted
        assert examples.wanted[q] == grades[worth]
        assert examples.found[q] == (answer["item_id"] in shown)
        for row, item in zip(range(rows.start, rows.stop), shown, strict=True):
            mine = [e for e in before if e["item_id"] == item]
            views = [e for e in mine if e["event_type"] == "view"]
            minute = -(-(ts - 3_600_000) // 60_000) * 60_000
            sold = 3 * sum(e["event_type"] == "buy" for e in mine)
            looks = sum(
                e["event_type"] == "view" and e["user_id"] == answer["user_id"] for e in before
            )
            known = sum(e["timestamp"] >= minute for e in views)  # type: ignore[operator]
            assert examples.x[row, columns].tolist() == [known, sold, looks]


def test_how_the_log_was_cut_into_entries_makes_no_difference(tmp_path: Path) -> None:
    events = history(40)
    found = []
    for size in (1000, 7):
        filled(APP, folder := tmp_path / str(size), events, size=size)
        found.append(asked(folder, rows=3000)[1])
    one, other = found
    assert np.array_equal(one.x, other.x, equal_nan=True)
    assert np.array_equal(one.grade, other.grade)
    for name, scores in one.scores.items():
        assert np.array_equal(scores, other.scores[name])


def test_equal_seeds_choose_equal_questions_of_the_later_half(tmp_path: Path) -> None:
    filled(APP, tmp_path, history(80))
    outcomes, one = asked(tmp_path, rows=2000, seed=3)
    _, same = asked(tmp_path, rows=2000, seed=3)
    _, other = asked(tmp_path, rows=2000, seed=4)
    assert len(one) == len(same) == len(other) == 20
    assert np.array_equal(one.ts, same.ts)
    assert not np.array_equal(one.ts, other.ts)
    assert (np.diff(one.ts) > 0).all()
    assert one.ts.min() >= np.median(outcomes.ts)


def test_what_is_done_at_one_moment_is_one_question(tmp_path: Path) -> None:
    events = history(30)
    moment = max(int(e["timestamp"]) for e in events) + 1000  # type: ignore[call-overload]
    basket = [
        {"event_id": f"b{n}", "event_type": "buy", "timestamp": moment,
         "user_id": "u1", "session_id": "late", "item_id": item}
        for n, item in enumerate(("i1", "i2", "i1"))
    ]  # fmt: skip
    filled(APP, tmp_path, [*events, *basket], size=len(events) + 2)
    outcomes, examples = asked(tmp_path)
    assert (examples.ts == moment).sum() == 1
    question = sampled(outcomes, 10**6, 0)[-1]
    assert sorted(question.answers.values()) == [5, 5]
    rows = examples.rows(len(examples) - 1, len(examples))
    assert sorted(examples.grade[rows].tolist())[-2:] == [2, 2]


def test_an_outcome_that_came_hours_late_is_no_question(tmp_path: Path) -> None:
    events = history(30)
    last = max(int(e["timestamp"]) for e in events)  # type: ignore[call-overload]
    said = {"event_type": "view", "user_id": "u1", "session_id": "x", "item_id": "i1"}
    late = [
        {"event_id": "l1", "timestamp": last - 3_600_001, **said},
        {"event_id": "l2", "timestamp": last - 3_600_000, **said},
    ]
    filled(APP, tmp_path, [*events, *late])
    _, examples = asked(tmp_path)
    assert examples.late == 1
    assert examples.ts[-1] == last - 3_600_000


@pytest.mark.parametrize("seed", range(5))
def test_the_weightiest_within_a_window_at_its_borders(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, window = 300, 10
    outcomes = Outcomes(
        np.zeros(n, np.int64), np.arange(n), rng.integers(0, 60, n),
        rng.integers(0, 3, n).astype(np.uint64), rng.integers(0, 4, n).astype(np.uint64),
        rng.integers(1, 9, n), np.zeros(n, np.uint64), np.zeros(n, np.uint64),
    )  # fmt: skip
    rows = rng.permutation(n)[:100]
    plain = [
        max(
            int(outcomes.weight[o])
            for o in range(n)
            if outcomes.who[o] == outcomes.who[r]
            and outcomes.item[o] == outcomes.item[r]
            and 0 <= outcomes.ts[o] - outcomes.ts[r] <= window
        )
        for r in rows
    ]
    assert greatest_within(outcomes, rows, window).tolist() == plain

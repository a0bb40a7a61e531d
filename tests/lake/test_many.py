"""A million events: the facts of the lake are those of the embedded engine."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest
from benchmarks._apps.pulse import app
from tests.batches import batch_of
from tests.model import DAY
from tests.streams import shopping

from afresh.committer import pending
from afresh.features.canonical import canonical
from afresh.features.engines.batch.facts import canonical as batch_canonical
from afresh.features.engines.embedded import State
from afresh.lake import run
from afresh.lake.reading import facts_at
from afresh.log.sqlite import SqliteLog

PLAN = app.plan()
N, PORTION, RUNS = 1_000_000, 20_000, 10

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(3600)]


def test_a_million_events(tmp_path: Path) -> None:
    log, state, lake = SqliteLog(tmp_path / "log"), State(PLAN), tmp_path / "lake"
    events, at = iter(dict.fromkeys(shopping(N))), 0
    while portion := list(islice(events, PORTION)):
        batch = batch_of(PLAN, portion)
        log.append([pending(batch, 30_000 * DAY)])
        state.fold(batch)
        at += 1
        if at % RUNS == 0:
            run(PLAN, log, lake, horizon_ms=3_600_000)
    closing = run(PLAN, log, lake, horizon_ms=-DAY)
    assert (closing.offset, closing.closed) == (N, closing.days)
    day = datetime.fromtimestamp(state.newest / 1000, UTC).date()
    newest, facts = facts_at(PLAN, lake, day)
    assert batch_canonical(PLAN, newest, facts) == canonical(state)
    log.close()

"""A lake of a log on Kafka, brought from the mirror of a server that runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.mirrored import Mirrored, until_equal
from tests.model import DAY
from tests.opened import event, post, put

from afresh.features.engines.batch.facts import canonical
from afresh.lake import run
from afresh.lake.reading import facts_at
from afresh.log.sqlite import SqliteLog


@pytest.mark.engine
def test_a_lake_of_a_mirror_is_the_servers_state(mirrored: Mirrored, tmp_path: Path) -> None:
    one, two = mirrored("one"), mirrored("two")
    put(one, "i", category="shoes", price=12.5)
    lake = tmp_path / "lake"
    log = SqliteLog(mirrored.folder / "two", readonly=True)
    for turn in range(2):
        post(one, *(event(user_id=f"u{at}", event_id=f"{turn}-{at}") for at in range(20)))
        post(two, event(user_id=None, session_id="s", event_id=f"{turn}-s"))
        state = until_equal(one, two)
        report = run(two.plan, log, lake, horizon_ms=-DAY)
        assert (report.events, report.closed) == (21, report.days)
    log.close()
    day = datetime.fromtimestamp(two.replica.state.newest / 1000, UTC).date()
    newest, facts = facts_at(two.plan, lake, day)
    assert canonical(two.plan, newest, facts) == state

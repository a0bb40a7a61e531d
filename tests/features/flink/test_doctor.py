"""What `afresh doctor` says of Flink and of the job on it."""

from __future__ import annotations

import pytest
from engines import free_port
from tests.features.conftest import Everything

from afresh import App
from afresh.doctor.flink import examine
from afresh.features.plan import Plan

pytestmark = pytest.mark.timeout(300)  # it may be the one that starts Flink

_app = App("another", features=[])
_app.event("view")
ANOTHER = _app.plan()


def said(found: Everything, facts: str = "", plan: Plan | None = None) -> list[tuple[str, str]]:
    running = found.running
    topic = facts or running.job.facts
    looked = examine(running.flink.gateway, topic, plan or running.plan)
    return [(f.subject, f.state) for f in looked]


def test_a_job_that_runs_one_that_does_not_and_another_plan(on_flink: Everything) -> None:
    assert said(on_flink) == [("flink", "ok"), ("job", "ok")]
    assert said(on_flink, plan=ANOTHER) == [("flink", "ok"), ("job", "warning")]
    assert said(on_flink, facts="nobody.facts.1") == [("flink", "ok"), ("job", "error")]


def test_nothing_of_flink_answers() -> None:
    (found,) = examine(f"http://127.0.0.1:{free_port()}", None, None)
    assert (found.state, "--gateway" in found.hint) == ("error", True)

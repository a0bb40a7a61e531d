"""A job is started, found, upgraded with all it has counted, and stopped, by the commands."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from engines.flink import Flink
from engines.kafka import Kafka
from tests.flinked import Flinked
from tests.model import Event, Model
from tests.streams import NOON
from typer.testing import CliRunner

from afresh.cli import app as cli
from afresh.errors import AfreshError, NotFound
from afresh.features.engines.flink import running
from afresh.features.engines.flink.gateway import Gateway
from afresh.features.engines.flink.job import inserts
from afresh.loading import load

BEFORE = """
from afresh import App, Features, count, daily
app = App("grown")
view = app.event("view")
buy = app.event("buy", price=int, offset=int)

class ByItem(Features, key="item_id"):
    views = count(view, window=daily(1))
"""
AFTER = (
    BEFORE
    + """
class More(Features, key="user_id"):
    spent = total(buy.price, window=daily(1))
    drift = total(buy.offset, window=daily(1))
    things = distinct(view.item_id, window=daily(1))
    bought = last(buy, n=2)
"""
)
AFTER = AFTER.replace("count, daily", "count, daily, distinct, last, total")


def afresh(*said: str) -> dict[str, object]:
    done = CliRunner().invoke(cli, ["flink", *said, "--json"])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    told: dict[str, object] = json.loads(done.stdout)
    return {**told, "exit": done.exit_code}


def events(first: int, n: int) -> list[Event]:
    """Views and purchases in turn; only these have a price."""
    return [
        Event(f"e{at}", kind, NOON + at, f"u{at % 3}", f"i{at % 4}", f"v{at % 5}", fields)
        for at in range(first, first + n)
        for kind, fields in [[("view", {}), ("buy", {"price": at, "offset": 1})][at % 2]]
    ]


pytestmark = [pytest.mark.nightly, pytest.mark.timeout(600)]


def test_an_added_feature_keeps_all_that_was_counted(
    kafka: Kafka, flink: Flink, tmp_path: Path
) -> None:
    file = tmp_path / "app.py"
    file.write_text(BEFORE)
    old = load(file).plan()
    running_on = Flinked(kafka, flink, old)
    given = [str(file), "--log", f"kafka://{kafka.servers}/{running_on.address.prefix}"]
    given += ["--gateway", flink.gateway]
    with pytest.raises(NotFound):
        afresh("upgrade", *given)
    running_on.send(events(0, 40))
    job = afresh("submit", *given)["job"]
    with pytest.raises(AfreshError, match="already"):
        afresh("submit", *given)
    assert afresh("submit", *given, "--unless-running")["job"] == job
    wanted = Model(old, events(0, 40)).canonical()
    assert running_on.facts(wanted) == wanted
    told = afresh("status", *given)
    assert (told["job"], told["events"], told["same_plan"]) == (job, 40, True)

    file.write_text(AFTER)
    new = load(file).plan()
    assert afresh("status", *given)["same_plan"] is False
    assert afresh("upgrade", *given)["plan"] == new.hash
    running_on.send([*events(0, 40), *events(40, 40)], new)  # the first are copies
    whole = Model(old, events(0, 80)).canonical()
    assert running_on.facts(whole) == whole
    later = Model(new, events(40, 40))  # what was added begins with the upgrade
    added = {fact for fact in later.canonical().split(b"\n") if b"u1" in fact}
    added = {fact for fact in added if fact.startswith((b'["distinct"', b'["tile",2'))}
    assert added

    def there(facts: bytes) -> bool:
        return added <= set(facts.split(b"\n"))

    assert there(running_on.until(there, plan=new))

    savepoint = str(afresh("stop", *given)["savepoint"])
    assert afresh("status", *given)["exit"] == 1
    with pytest.raises(AfreshError, match="old; state is kept"):
        afresh("submit", *given, "--from", savepoint, "--saved", "2020-01-01T00:00:00Z")


def test_another_shape_is_refused_and_the_old_job_runs_on(
    kafka: Kafka, flink: Flink, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(BEFORE)
    plan = load(tmp_path / "app.py").plan()
    running_on = Flinked(kafka, flink, plan)
    with Gateway(flink.gateway) as gateway:
        shape = running.prepared(gateway, plan, running_on.job)
        explained = gateway.run(f"EXPLAIN STATEMENT SET BEGIN\n{inserts(plan)};\nEND")[0][0]
        optimized = explained[explained.index("== Optimized Execution Plan ==") :]
        assert optimized.count("TableSourceScan(") == 1  # all statements share what is read
        assert optimized.count("[PROCTIME]") <= 2  # and what counts once; the other: distinct
    with Gateway(flink.gateway) as gateway:
        started = running.submit(gateway, plan, running_on.job)
        assert started.shape == shape
        found = running.find(gateway, running_on.job.facts)
        assert found == started
    running_on.jobs.append(started.id)
    with Gateway(flink.gateway) as gateway:
        gateway.set({"table.exec.mini-batch.enabled": "true"})
        gateway.set({"table.exec.mini-batch.allow-latency": "1 s"})
        gateway.set({"table.exec.mini-batch.size": "10"})
        with pytest.raises(AfreshError, match="operators are not those"):
            running.upgrade(gateway, plan, running_on.job)
        assert running.find(gateway, running_on.job.facts) == started
    elsewhere = replace(running_on.job, facts="nothing.here")
    with Gateway(flink.gateway) as gateway, pytest.raises(NotFound):
        running.upgrade(gateway, plan, elsewhere)
    running_on.stop()

"""What is wrong with topics, access and clocks at a real broker is found and named."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from engines import free_port
from pydantic import SecretStr
from tests.everything import app
from tests.logins import forgotten, granted, known
from tests.mirrored import Mirrored

from afresh.doctor import Finding
from afresh.doctor.kafka import examine
from afresh.log.kafka import examining, topics
from afresh.log.kafka.client import admin
from afresh.log.kafka.topics import Cluster
from afresh.settings import Settings

PLAN = app.plan()


def findings(mirrored: Mirrored, *states: str) -> list[Finding]:
    found = examine(mirrored.settings, PLAN, "serve")
    return [f for f in found if not states or f.state in states]


@pytest.fixture
def cluster(mirrored: Mirrored) -> Cluster:
    return Cluster(mirrored.address)


def _altered(cluster: Cluster, topic: str, name: str, value: str) -> None:
    lib = admin()
    entry = lib.ConfigEntry(name, value, incremental_operation=lib.AlterConfigOpType.SET)
    resource = lib.ConfigResource(lib.ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
    cluster.ask(cluster.client.incremental_alter_configs, [resource])


def test_sound_topics(mirrored: Mirrored, cluster: Cluster) -> None:
    # As `afresh kafka init` makes the topic of facts for this plan.
    _altered(cluster, mirrored.topics.facts, "cleanup.policy", "compact,delete")
    _altered(cluster, mirrored.topics.facts, "retention.ms", "-1")
    found = findings(mirrored)
    assert {f.state for f in found} == {"ok"}
    said = {f.subject for f in found}
    assert said == {"brokers", "access", "topics", "retention", "clocks"}


def test_topics_that_differ(mirrored: Mirrored, cluster: Cluster) -> None:
    _altered(cluster, mirrored.topics.events, "retention.ms", "3600000")
    _altered(cluster, mirrored.topics.weights, "cleanup.policy", "delete")
    cluster.ask(cluster.client.delete_topics, [mirrored.topics.late])
    until = time.monotonic() + 20
    while mirrored.topics.late in cluster.counts():
        assert time.monotonic() < until
        time.sleep(0.05)
    said = {f.text: f.subject for f in findings(mirrored, "error")}
    assert said[f"There is no topic {mirrored.topics.late}"] == "topics"
    assert any("cleanup.policy is delete" in text for text in said)
    short = next(text for text, subject in said.items() if subject == "retention")
    assert short.startswith(f"{mirrored.topics.events} keeps 1h, ")


def test_brokers_that_are_not_there(mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "TIMEOUT_S", 1.0)
    nowhere = Settings(log=f"kafka://127.0.0.1:{free_port()}/shop")
    (found,) = examine(nowhere, PLAN, "serve")
    assert (found.subject, found.state) == ("brokers", "error")
    assert "the setting `log`" in found.hint


def test_a_clock_that_is_wrong(mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    right = time.time_ns

    class Clock:
        monotonic = staticmethod(time.monotonic)

        @staticmethod
        def time_ns() -> int:
            return right() - 3_600_000_000_000

    monkeypatch.setattr(examining, "time", Clock)
    (found,) = [f for f in findings(mirrored) if f.subject == "clocks"]
    assert found.state == "error"
    assert "3600.0 s ahead of this machine's" in found.text


@pytest.fixture
def login(mirrored: Mirrored) -> Iterator[Mirrored]:
    """The topics at the listener where one logs in, as a user that may do nothing."""
    known(mirrored.kafka, "doctor", "secret")
    log = mirrored.settings.log.replace(mirrored.kafka.servers, mirrored.kafka.login_servers)
    given = {"log": log, "kafka_user": "doctor", "kafka_password": SecretStr("secret")}
    mirrored.settings = mirrored.settings.model_copy(update=given)
    yield mirrored
    forgotten(mirrored.kafka, "doctor")


def test_a_user_without_access_then_with_it(login: Mirrored) -> None:
    faults = [f for f in findings(login) if f.subject == "access"]
    assert {f.state for f in faults} == {"error"}
    missing = "\n".join(f.text for f in faults)
    assert f"WRITE    topic {login.topics.events}" in missing
    assert f"group {login.topics.prefix}.learner" in missing
    granted(login.kafka, login.topics, "doctor", "serve")
    (found,) = [f for f in findings(login) if f.subject == "access"]
    assert found.state == "ok"
    assert not findings(login, "error")

"""Logging in, encryption, and the least access of each role, at a real broker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from engines.kafka import Kafka
from pydantic import SecretStr
from tests.everything import app
from tests.logins import forgotten, granted, known
from tests.mirrored import Mirrored, until
from tests.opened import event, post
from typer.testing import CliRunner

from afresh.cli import app as cli
from afresh.errors import AfreshError, Unavailable
from afresh.log.kafka import acls
from afresh.log.kafka.address import address_of
from afresh.log.kafka.client import kafka
from afresh.mirror.runtime import MirrorRuntime
from afresh.own_events import OwnEvents
from afresh.settings import Settings, load_settings

DEFINITION = Path(__file__).parents[1] / "everything.py"


@pytest.fixture
def shop(mirrored: Mirrored) -> Iterator[Mirrored]:
    """Topics at the listener where one logs in; the user `shop` may do nothing yet."""
    known(mirrored.kafka, "shop", "secret")
    log = mirrored.settings.log.replace(mirrored.kafka.servers, mirrored.kafka.login_servers)
    login = {"log": log, "kafka_user": "shop", "kafka_password": SecretStr("secret")}
    mirrored.settings = mirrored.settings.model_copy(update=login)
    mirrored.address = address_of(mirrored.settings)
    yield mirrored
    forgotten(mirrored.kafka, "shop")


def _grant(given: Mirrored, role: acls.Role) -> None:
    granted(given.kafka, given.topics, "shop", role)


def test_a_server_with_its_role_serves(shop: Mirrored) -> None:
    with pytest.raises(AfreshError, match="do not allow") as refused:
        shop("one")
    assert "'shop'" in str(refused.value)
    assert "afresh kafka acls" in str(refused.value)
    _grant(shop, "serve")
    one = shop("one")
    assert post(one, event(), event(timestamp=1)).accepted == 1
    assert one.replica.state.events == 1


def test_a_reader_cannot_write(shop: Mirrored) -> None:
    _grant(shop, "analyst")
    one = shop("one", kafka_options={"delivery.timeout.ms": 1500, "request.timeout.ms": 1000})
    with pytest.raises(Unavailable, match="uthorization"):
        post(one, event())
    assert one.replica.state.events == 0


def test_a_reader_of_the_store_finds_the_log_with_its_role(shop: Mirrored) -> None:
    own = OwnEvents(app.plan(), shop.settings)
    own.start()
    try:
        _grant(shop, "read")
        until(lambda: own.ready)
    finally:
        own.close()


def test_an_engine_reads_no_items(shop: Mirrored) -> None:
    _grant(shop, "flink")
    with pytest.raises(AfreshError, match="do not allow"):
        shop("one")


def test_a_wrong_password(shop: Mirrored) -> None:
    with pytest.raises(Unavailable, match="uthentication"):
        shop("one", kafka_password=SecretStr("wrong"))


def test_over_tls(shop: Mirrored) -> None:
    broker = shop.kafka
    _grant(shop, "serve")
    log = shop.settings.log.replace("kafka://", "kafka+ssl://")
    log = log.replace(broker.login_servers, broker.tls_servers)
    with pytest.raises(AfreshError, match="certificate verify failed"):
        shop("one", log=log)
    one = shop("one", log=log, kafka_ca_file=broker.folder / "authority.pem")
    assert post(one, event()).accepted == 1


def test_acls_are_printed_applied_and_verified(shop: Mirrored, tmp_path: Path) -> None:
    log = f"kafka://{shop.kafka.servers}/{shop.topics.prefix}"
    run = CliRunner().invoke
    said = ["kafka", "acls", str(DEFINITION), "--log", log, "--role", "serve"]
    printed = run(cli, said)
    assert f"WRITE    topic {shop.topics.events}" in printed.output
    lacking = run(cli, [*said, "--user", "shop", "--verify"])
    assert lacking.exit_code == 1
    assert "missing: READ" in lacking.output
    assert run(cli, [*said, "--user", "shop", "--apply"]).exit_code == 0
    verified = run(cli, [*said, "--user", "shop", "--verify", "--json"])
    assert (verified.exit_code, json.loads(verified.output)) == (0, [])
    assert isinstance(shop("one", app), MirrorRuntime)


def test_topics_are_made_and_compared(kafka: Kafka, tmp_path: Path) -> None:
    log = f"kafka://{kafka.servers}/made.{tmp_path.name}"
    said = ["kafka", "init", str(DEFINITION), "--log", log, "--json"]
    run = CliRunner().invoke

    def steps(*more: str) -> dict[str, str]:
        result = run(cli, [*said, *more])
        assert result.exit_code == 0, result.output
        rows = json.loads(result.output)
        return {row["topic"]["name"].rsplit(".", 1)[-1]: row["action"] for row in rows}

    assert set(steps("--dry-run").values()) == {"create"}
    assert set(steps("--partitions", "2").values()) == {"create"}
    assert set(steps().values()) == {"keep"}
    assert steps("--partitions", "3")["1"] == "differs"


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("kafka://", "no address"),
        ("kafka://u:p@host/shop", "no address"),
        ("kafka://host", "cannot begin"),
        ("kafka://host/a b", "cannot begin"),
        ("amqp://host/shop", "no address"),
    ],
)
def test_an_address_that_is_none(log: str, said: str) -> None:
    with pytest.raises(AfreshError, match=said) as refused:
        address_of(Settings(log=log))
    assert "kafka://host:9092" in str(refused.value)


def test_what_the_user_sets_wins_but_for_what_must_be(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush\n")
    settings = load_settings(
        log="kafka+ssl://a,b:9000/shop.eu",
        kafka_user="u",
        kafka_password_file=tmp_path / "secret",
        kafka_options={"linger.ms": 9, "acks": 0},
    )
    client = address_of(settings).client({"acks": "all"}, **{"linger.ms": 1, "a": 2})
    assert client["bootstrap.servers"] == "a:9092,b:9000"
    assert (client["linger.ms"], client["acks"], client["a"]) == (9, "all", 2)
    assert (client["security.protocol"], client["sasl.password"]) == ("SASL_SSL", "hush")


def test_without_the_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(AfreshError, match="confluent-kafka") as refused:
        kafka()
    assert "afresh[kafka]" in str(refused.value)

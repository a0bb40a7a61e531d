"""The runner logs in, with the least access of its role."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from engines.kafka import Kafka
from tests.everything import app
from tests.facts_made import difference
from tests.model import Model
from tests.streamed import Streamed
from tests.streams import borders, ties

from afresh.log.kafka import acls
from afresh.log.kafka.client import admin
from afresh.log.kafka.topics import Cluster

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(300)]

LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule"


def test_its_role_is_enough_for_it(kafka: Kafka, runner_built: None, tmp_path: Path) -> None:
    running = Streamed(kafka, app.plan(), tmp_path)
    running.settings = {
        "bootstrap.servers": kafka.login_servers,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.jaas.config": f'{LOGIN} required username="streamer" password="secret";',
    }
    lib = admin()
    client = lib.AdminClient({"bootstrap.servers": kafka.servers})
    how = lib.ScramCredentialInfo(lib.ScramMechanism.SCRAM_SHA_512, 4096)
    made = lib.UserScramCredentialUpsertion("streamer", how, b"secret")
    client.alter_user_scram_credentials([made])["streamer"].result(10)
    root, wanted = Cluster(running.address), acls.grants("kafka-streams", running.topics)
    acls.apply(root, "streamer", wanted)
    while acls.missing(root, "streamer", wanted):
        time.sleep(0.05)
    events = [*borders(), *ties()]
    running.send(events)
    instance = running.start()
    expected = Model(app.plan(), events).canonical()
    running.until(lambda facts: facts == expected or not instance.runs())
    instance.check()
    assert not difference(running.facts(expected), expected)
    running.stop()

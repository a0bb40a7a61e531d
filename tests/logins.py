"""Users of a broker, and what they may do."""

from __future__ import annotations

import time

from engines.kafka import Kafka
from pydantic import SecretStr

from afresh.errors import AfreshError
from afresh.log.kafka import acls
from afresh.log.kafka.address import Address, address_of
from afresh.log.kafka.client import admin
from afresh.log.kafka.topics import Cluster, Topics
from afresh.settings import Settings


def known(broker: Kafka, name: str, password: str) -> None:
    """A user that may log in, and do nothing yet; returns when the brokers let it in."""
    lib = admin()
    client = lib.AdminClient({"bootstrap.servers": broker.servers})
    made = lib.UserScramCredentialUpsertion(
        name, lib.ScramCredentialInfo(lib.ScramMechanism.SCRAM_SHA_512, 4096), password.encode()
    )
    client.alter_user_scram_credentials([made])[name].result(10)
    log = f"kafka://{broker.login_servers}/x"
    login = {"kafka_user": name, "kafka_password": SecretStr(password)}
    late = time.monotonic() + 60
    while not _lets_in(address_of(Settings(log=log, **login))):
        assert time.monotonic() < late
        time.sleep(0.05)


def _lets_in(address: Address) -> bool:
    try:
        Cluster(address).counts()
    except AfreshError:
        return False
    return True


def forgotten(broker: Kafka, user: str) -> None:
    """Take all access from a user."""
    lib = admin()
    client = lib.AdminClient({"bootstrap.servers": broker.servers})
    everything = lib.AclBindingFilter(
        lib.ResourceType.ANY, None, lib.ResourcePatternType.ANY, f"User:{user}", None,
        lib.AclOperation.ANY, lib.AclPermissionType.ANY,
    )  # fmt: skip
    for future in client.delete_acls([everything]).values():
        future.result(10)


def granted(broker: Kafka, topics: Topics, user: str, role: acls.Role) -> None:
    """Give a user what a role needs."""
    root = Cluster(address_of(Settings(log=f"kafka://{broker.servers}/x")))
    wanted = acls.grants(role, topics)
    acls.apply(root, user, wanted)
    late = time.monotonic() + 60
    while acls.missing(root, user, wanted):  # it takes brokers a moment
        assert time.monotonic() < late
        time.sleep(0.05)

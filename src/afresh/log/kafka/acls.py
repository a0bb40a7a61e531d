"""The least that each role must be allowed at the brokers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from afresh.log.kafka.client import admin
from afresh.log.kafka.topics import TIMEOUT_S, Cluster, Topics

Role = Literal["ingest", "serve", "flink", "kafka-streams", "feed", "read", "analyst"]

ROLES: dict[Role, str] = {
    "ingest": "brings events in from topics of the company's own",
    "serve": "takes events over HTTP, follows the log, answers",
    "flink": "computes facts from events",
    "kafka-streams": "computes facts from events, with topics of its own",
    "feed": "writes facts into the store",
    "read": "answers from the store, and folds people's own events over it",
    "analyst": "reads everything and writes nothing",
}


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """Leave to do one thing. kind: `topic`, `group` or `transactional_id`; prefixed: to all whose
    names begin so."""

    kind: str
    name: str
    operation: str
    prefixed: bool = False

    def __str__(self) -> str:
        whose = f"{self.name}*" if self.prefixed else self.name
        return f"{self.operation:<8} {self.kind} {whose}"


def grants(role: Role, topics: Topics, foreign: Sequence[str] = ()) -> list[Grant]:
    """What a role needs. foreign: topics of the company's own that `ingest` reads."""
    t = topics
    reads: list[str] = []
    writes: list[str] = []
    if role == "ingest":
        reads, writes = [*foreign, t.items], [t.events, t.late, t.dead]
    elif role == "serve":
        reads = [t.events, t.items, t.weights]
        writes = [t.events, t.items, t.weights, t.late, t.dead]
    elif role == "flink" or role == "kafka-streams":
        reads, writes = [t.events, t.facts], [t.facts]
    elif role == "feed":
        reads = [t.events, t.items, t.weights, t.facts]
    elif role == "read":
        reads = [t.events, t.items, t.weights]
    else:
        reads = [t.events, t.items, t.weights, t.facts, t.late, t.dead]
    found = [Grant("topic", name, "READ") for name in reads]
    found += [Grant("topic", name, "WRITE") for name in writes]
    # Servers read every partition, each for itself; as a group they choose which of them learns.
    group = {"serve": "learner", "kafka-streams": "streams"}.get(role, role)
    found.append(Grant("group", f"{t.prefix}.{group}", "READ", prefixed=True))
    if role == "kafka-streams":  # state, and events by key, are in topics that it makes
        own = f"{t.prefix}.streams"
        does = ("CREATE", "READ", "WRITE", "DELETE")
        found += [Grant("topic", own, operation, prefixed=True) for operation in does]
        found.append(Grant("transactional_id", own, "WRITE", prefixed=True))
    if role == "feed":  # looks at how far Flink or Kafka Streams has come
        found += [
            Grant("group", f"{t.prefix}.flink", "READ", prefixed=True),
            Grant("group", f"{t.prefix}.streams", "READ", prefixed=True),
            Grant("topic", f"{t.prefix}.streams", "READ", prefixed=True),
        ]
    return found


def missing(cluster: Cluster, user: str, wanted: Sequence[Grant]) -> list[Grant]:
    """Those of `wanted` that the brokers do not have for this user."""
    lib = admin()
    everything = lib.AclBindingFilter(
        lib.ResourceType.ANY, None, lib.ResourcePatternType.ANY, f"User:{user}", None,
        lib.AclOperation.ANY, lib.AclPermissionType.ALLOW,
    )  # fmt: skip
    held = cluster.ask(cluster.client.describe_acls, everything, request_timeout=TIMEOUT_S)
    found = {
        (acl.restype.name.lower(), acl.name, acl.operation.name, acl.resource_pattern_type.name)
        for acl in held
    }
    return [grant for grant in wanted if _row(grant) not in found]


def _row(grant: Grant) -> tuple[str, str, str, str]:
    return grant.kind, grant.name, grant.operation, "PREFIXED" if grant.prefixed else "LITERAL"


def apply(cluster: Cluster, user: str, wanted: Sequence[Grant]) -> None:
    """Give a user these; what is there already stays."""
    if wanted:
        bindings = [_binding(user, grant) for grant in wanted]
        cluster.ask(cluster.client.create_acls, bindings, request_timeout=TIMEOUT_S)


def _binding(user: str, grant: Grant) -> Any:
    lib = admin()
    pattern = (
        lib.ResourcePatternType.PREFIXED if grant.prefixed else lib.ResourcePatternType.LITERAL
    )
    return lib.AclBinding(
        lib.ResourceType[grant.kind.upper()], grant.name, pattern, f"User:{user}", "*",
        lib.AclOperation[grant.operation], lib.AclPermissionType.ALLOW,
    )  # fmt: skip

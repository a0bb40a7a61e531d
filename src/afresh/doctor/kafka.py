"""Examinations of the brokers that the log is at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from afresh.doctor import Finding, skewed
from afresh.errors import AfreshError
from afresh.features.durations import text
from afresh.features.plan import Plan
from afresh.log.kafka.acls import Role, grants
from afresh.log.kafka.address import address_of
from afresh.log.kafka.examining import brokers, clock_ahead_ms, lacking
from afresh.log.kafka.making import Step, compare, config_of
from afresh.log.kafka.topics import FACTS_SLACK_MS, Cluster, Topics, topics_of
from afresh.settings import Settings

HOUR_MS = 3_600_000


def examine(settings: Settings, plan: Plan | None, role: Role) -> Iterator[Finding]:
    """Whether they answer, what they are, their topics, clock, and what they allow this user."""
    try:
        cluster, topics = Cluster(address_of(settings)), topics_of(settings)
        counts = cluster.counts()
    except AfreshError as error:
        yield Finding("brokers", "error", error.message, error.hint)
        return
    yield _version(cluster)
    faults = lacking(cluster, grants(role, topics))
    for grant in faults:
        yield Finding(
            "access", "error", f"This user may not: {grant}",
            f"`afresh kafka acls APP.py --role {role} --user NAME --apply` gives what is missing.",
        )  # fmt: skip
    if not faults:
        yield Finding("access", "ok", f"This user may do what the role {role} needs")
    unseen = {grant.name for grant in faults} - counts.keys()
    yield from _topics(cluster, topics, counts, unseen, settings, plan)
    if topics.dead in counts:
        yield _clock(settings, topics)


def _version(cluster: Cluster) -> Finding:
    try:
        found = brokers(cluster)
    except AfreshError:
        return Finding("brokers", "ok", "They answer; this user may not see their version")
    many = f"{found.count} broker{'s' if found.count > 1 else ''}"
    if found.old:
        return Finding(
            "brokers", "warning", f"{many}, older than Kafka 4: {found.old}",
            "Upgrade: afresh is tested with Kafka 4 in KRaft mode.",
        )  # fmt: skip
    return Finding("brokers", "ok", f"{many}, Kafka 4 or newer")


def _topics(
    cluster: Cluster,
    topics: Topics,
    counts: dict[str, int],
    unseen: set[str],
    settings: Settings,
    plan: Plan | None,
) -> Iterator[Finding]:
    """unseen: topics that this user may not see."""
    wanted = topics.wanted(counts.get(topics.events, 1), None, plan.reach if plan else None)
    # How long events and facts must be kept is for `_retention`.
    shapes = [
        replace(topic, config={k: v for k, v in topic.config.items() if k != "retention.ms"})
        for topic in wanted
        if topic.name not in unseen and (plan is not None or topic.name != topics.facts)
    ]
    try:
        yield from _shapes(compare(cluster, shapes))
        if plan is None:
            return
        for name, more in ((topics.events, settings.admission_horizon),
                           (topics.facts, FACTS_SLACK_MS)):  # fmt: skip
            if name in counts:
                yield from _retention(config_of(cluster, name), name, plan.reach + more)
    except AfreshError as error:
        yield Finding("topics", "warning", f"Not all can be seen: {error.message}", error.hint)


def _shapes(steps: list[Step]) -> Iterator[Finding]:
    for step in steps:
        if step.action == "create":
            yield Finding(
                "topics", "error", f"There is no topic {step.topic.name}",
                "`afresh kafka init APP.py` makes it.",
            )  # fmt: skip
        elif step.action == "differs":
            yield Finding(
                "topics", "error", f"{step.topic.name}: {step.detail}",
                "Partitions: begin a new generation (docs: Kafka). Settings: alter the topic's "
                "configuration with your cluster's tools.",
            )  # fmt: skip
    if all(step.action == "keep" for step in steps):
        yield Finding("topics", "ok", f"{len(steps)} topics are as they must be")


def _retention(config: Mapping[str, str], name: str, need: int) -> Iterator[Finding]:
    """need: how long records must be kept, ms."""
    if config["cleanup.policy"] == "compact":
        return
    age, size = int(config["retention.ms"]), int(config["retention.bytes"])
    if 0 <= age < need:
        yield Finding(
            "retention", "error",
            f"{name} keeps {text(age // HOUR_MS * HOUR_MS)}, features read back "
            f"{text(-(-need // HOUR_MS) * HOUR_MS)}",
            "Raise retention.ms: who starts anew would count too little.",
        )  # fmt: skip
    elif size >= 0:
        yield Finding(
            "retention", "warning", f"{name} drops events beyond {size:,} bytes a partition",
            "Unset retention.bytes, or watch that it holds what features read back.",
        )  # fmt: skip
    else:
        yield Finding("retention", "ok", f"{name} keeps what features read back")


def _clock(settings: Settings, topics: Topics) -> Finding:
    ahead = clock_ahead_ms(address_of(settings), topics.dead)
    if ahead is None:
        return Finding("clocks", "warning", "The brokers' clock cannot be seen by this user")
    return skewed("clocks", "The brokers' clock", ahead)

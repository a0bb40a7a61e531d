"""Where a job finds Kafka: the settings of servers, as Java's clients name them."""

from __future__ import annotations

from typing import Any

from afresh.features.engines.flink.job import Job
from afresh.log.kafka.address import address_of
from afresh.log.kafka.topics import topics_of
from afresh.settings import Settings

LOGIN = "org.apache.flink.kafka.shaded.org.apache.kafka.common.security.scram.ScramLoginModule"
"""Flink's connector brings Kafka's classes under names of its own."""
HIDDEN = "********"


def job_of(settings: Settings, *, hidden: bool = False, **how: Any) -> Job:
    """The job of an app, from its settings; `how` it runs as `Job` says. hidden: without the
    password, to be shown.

    Raises AfreshError when the setting `log` names no brokers.
    """
    address = address_of(settings)
    topics = topics_of(settings)
    return Job(
        brokers=address.servers,
        events=topics.events,
        facts=topics.facts,
        group=f"{address.prefix}.flink.{settings.kafka_generation}",
        admission_ms=settings.admission_horizon,
        kafka=_properties(settings, address.options["security.protocol"], hidden),
        **how,
    )


def _properties(settings: Settings, protocol: str, hidden: bool) -> dict[str, str]:
    found = {} if protocol == "PLAINTEXT" else {"security.protocol": protocol}
    if settings.kafka_user:
        password = HIDDEN if hidden else settings.secret("kafka_password") or ""
        user, secret = _escaped(settings.kafka_user), _escaped(password)
        found["sasl.mechanism"] = settings.kafka_mechanism
        found["sasl.jaas.config"] = f'{LOGIN} required username="{user}" password="{secret}";'
    if settings.kafka_ca_file is not None:
        found["ssl.truststore.type"] = "PEM"
        found["ssl.truststore.location"] = str(settings.kafka_ca_file.resolve())
    return found


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')

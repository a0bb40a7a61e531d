"""Where the runner reads and writes: the topics of an app, and those of its own."""

from __future__ import annotations

from afresh.features.engines.kafka_streams.document import Document, Placed, document_of
from afresh.features.engines.rows.reads import Reads
from afresh.features.plan import Plan
from afresh.log.kafka.address import address_of
from afresh.log.kafka.topics import Topics, topics_of
from afresh.settings import Settings

REPARTITION = "keys-repartition"
"""What the runner's topic of events by key is called, after the application."""


def placed(topics: Topics, brokers: str) -> Placed:
    return Placed(
        brokers=brokers,
        application=f"{topics.prefix}.streams.{topics.generation}",
        events=topics.events,
        facts=topics.facts,
    )


def reads_of(topics: Topics) -> Reads:
    application = placed(topics, "").application
    return Reads(application, (f"{application}-{REPARTITION}",))


def document_from(settings: Settings, plan: Plan) -> Document:
    """The document of a plan, for the brokers and topics of the settings.

    Raises AfreshError when the setting `log` names no brokers.
    """
    where = placed(topics_of(settings), address_of(settings).servers)
    return document_of(plan, where, settings.admission_horizon)

"""`afresh feed`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from afresh.cli.terminal import AppFile, Config, Log

if TYPE_CHECKING:
    from afresh.features.engines.rows.reads import Reads
    from afresh.settings import Settings

NAME = "feed"


def run(
    file: AppFile,
    log: Log = None,
    store: Annotated[
        str | None,
        typer.Option(help="redis://host:6379/0 (setting `store`).", show_default=False),
    ] = None,
    engine: Annotated[
        str, typer.Option(help="Who makes the facts: flink or kafka-streams.")
    ] = "flink",
    host: Annotated[
        str | None, typer.Option(help="The address to listen on (setting `host`).")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="The port; 0 finds a free one (setting `port`).")
    ] = None,
    config: Config = None,
    log_level: Annotated[
        str | None, typer.Option(help="debug, info, warning or error (setting `log_level`).")
    ] = None,
) -> None:
    """Write the facts of Flink or Kafka Streams into the store, for servers that answer there.

    Reads `<prefix>.facts.<generation>` and merges what changed into the values of the entities.
    Holds nothing: end it when you like, and start as many as the topic has partitions; they share
    them. It answers features too, as `afresh serve --store-only` does, and has /readyz and
    /metrics.

    Example: `afresh feed app.py --log kafka://broker:9092/shop --store redis://cache:6379/0`
    """
    from afresh.feed.feeding import Source
    from afresh.loading import load
    from afresh.log.kafka.address import address_of
    from afresh.log.kafka.topics import topics_of
    from afresh.settings import load_settings
    from afresh.watch.process import run_feeder

    given = {"log": log, "store": store, "host": host, "port": port, "log_level": log_level}
    settings = load_settings(file, config, **given)
    source = Source(address_of(settings), topics_of(settings), _reads(engine, settings))
    run_feeder(load(file), settings, source)


def _reads(engine: str, settings: Settings) -> Reads:
    from afresh.errors import BadRequest
    from afresh.features.engines.flink.clients import job_of
    from afresh.features.engines.kafka_streams.placing import reads_of
    from afresh.features.engines.rows.reads import Reads
    from afresh.log.kafka.topics import topics_of

    if engine == "flink":
        return Reads(job_of(settings).group)
    if engine == "kafka-streams":
        return reads_of(topics_of(settings))
    raise BadRequest(
        f"No engine {engine!r} makes facts.", hint="flink or kafka-streams", code="unknown_engine"
    )

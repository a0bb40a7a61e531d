"""`afresh feed`"""

from __future__ import annotations

from typing import Annotated

import typer

from afresh.cli.terminal import AppFile, Config, Log

NAME = "feed"


def run(
    file: AppFile,
    log: Log = None,
    store: Annotated[
        str | None,
        typer.Option(help="redis://host:6379/0 (setting `store`).", show_default=False),
    ] = None,
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
    """Write the facts that Flink makes into the store, for servers that answer from there.

    Reads `<prefix>.facts.<generation>` and merges what changed into the values of the entities.
    Holds nothing: end it when you like, and start as many as the topic has partitions; they share
    them. It answers features too, as `afresh serve --store-only` does, and has /readyz and
    /metrics.

    Example: `afresh feed app.py --log kafka://broker:9092/shop --store redis://cache:6379/0`
    """
    from afresh.features.engines.flink.clients import job_of
    from afresh.feed.feeding import Source
    from afresh.loading import load
    from afresh.log.kafka.address import address_of
    from afresh.log.kafka.topics import topics_of
    from afresh.settings import load_settings
    from afresh.watch.process import run_feeder

    given = {"log": log, "store": store, "host": host, "port": port, "log_level": log_level}
    settings = load_settings(file, config, **given)
    source = Source(address_of(settings), topics_of(settings), job_of(settings).group)
    run_feeder(load(file), settings, source)

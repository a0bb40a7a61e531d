"""`afresh events`: look into a log"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from afresh.cli.terminal import AppFile, AsJson, Config, DataFolder, Log, say, say_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from afresh.settings import Settings
    from afresh.watch.tail import Seen

NAME = "events"

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Look into a log: its newest events, or one of them.",
)


@app.command("tail")
def tail(
    file: AppFile,
    n: Annotated[int, typer.Option("--last", "-n", min=1, help="How many.")] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    late: Annotated[bool, typer.Option("--late", help="Those that came too late.")] = False,
    dead: Annotated[
        bool, typer.Option("--dead", help="Messages on Kafka that nobody could read, and why.")
    ] = False,
    data: DataFolder = None,
    log: Log = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show the newest events of a log, in a folder or on Kafka, also while a server uses it.

    Each line is a place in the log, when it arrived, and the event.

    Example: `afresh events tail app.py --data data -n 3 --follow`
    """
    from afresh.settings import load_settings

    settings = load_settings(file, config, data=data, log=log)
    try:
        for seen in _seen(settings, n, follow, late, dead):
            show(seen, as_json)
    except KeyboardInterrupt:
        return


def _seen(settings: Settings, n: int, follow: bool, late: bool, dead: bool) -> Iterator[Seen]:
    from afresh.watch.tail import in_folder, in_topic

    if not settings.log:
        return in_folder(settings.data, n, late=late, follow=follow)
    from afresh.log.kafka.address import address_of
    from afresh.log.kafka.topics import Cluster, topics_of

    address = address_of(settings)
    topics, cluster = topics_of(settings), Cluster(address)
    topic = topics.dead if dead else topics.late if late else topics.events
    partitions = 1 if late or dead else cluster.find(topics).events
    return in_topic(address, topic, partitions, n, follow=follow)


@app.command("inspect")
def inspect(
    file: AppFile,
    place: Annotated[
        str, typer.Argument(help="Where: 120, or 3/120 on Kafka.", show_default=False)
    ],
    data: DataFolder = None,
    log: Log = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show one event whole, and what the log knows of it.

    Example: `afresh events inspect app.py 120 --data data`
    """
    from afresh.settings import load_settings
    from afresh.watch.tail import in_log, one_of, place_of

    settings = load_settings(file, config, data=data, log=log)
    partition, offset = place_of(place)
    if settings.log:
        from afresh.log.kafka.address import address_of
        from afresh.log.kafka.topics import topics_of

        topic = topics_of(settings).events
        seen, more = one_of(address_of(settings), topic, partition, offset), {"topic": topic}
    else:
        seen, entry = in_log(settings.data, offset)
        more = {"entry": f"{entry.offset}, {entry.held} of {entry.n} events"}
    if as_json:
        say_json({"where": seen.where, "arrival": seen.arrival, "key": seen.key, **more,
                  "event": seen.record})  # fmt: skip
        return
    facts = {"place": seen.where, "arrived": _moment(seen.arrival), "key": seen.key, **more}
    for name, value in facts.items():
        if value:
            say(f"{name:<16} {value}")
    for name, value in seen.record.items():
        said = f"{value}  {_moment(value)}" if name.endswith("timestamp") else value
        say(f"{name:<16} {said}")


def show(seen: Seen, as_json: bool) -> None:
    if as_json:
        say_json({"where": seen.where, "arrival": seen.arrival, **seen.record})
        return
    import msgspec

    rest = dict(seen.record)
    kind, ts = rest.pop("event_type", ""), rest.pop("timestamp", None)
    when = _moment(ts if isinstance(ts, int) else seen.arrival)
    say(f"{seen.where:>10}  {when}  {kind:<8} {msgspec.json.encode(rest).decode()}")


def _moment(ms: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3] + "Z"

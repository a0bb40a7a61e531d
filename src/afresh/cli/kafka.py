"""`afresh kafka`: topics and access of a log on Kafka"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from afresh.cli.terminal import AppFile, AsJson, Config, DataFolder, Log, say, say_json

if TYPE_CHECKING:
    from afresh.log.kafka.topics import Cluster, Topics
    from afresh.settings import Settings

NAME = "kafka"
PARTITIONS = 12

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Topics of a log on Kafka, and access to them.",
)


@app.command("init")
def init(
    file: AppFile,
    log: Log = None,
    partitions: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Of the events: 12, unless given. They never grow in place: choose for years.",
            show_default=False,
        ),
    ] = None,
    replication: Annotated[
        int, typer.Option(min=1, help="Copies of each partition; 3 where there are 3 brokers.")
    ] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Make the topics of an app, and say where those that are there differ from what must be.

    Nothing that exists is changed. Events are kept as long as `log_retention_age` says.

    Example: `afresh kafka init app.py --log kafka://broker:9092/shop --replication 3 --dry-run`
    """
    settings, cluster, topics = _opened(file, config, log)

    from afresh.loading import load
    from afresh.log.kafka.making import compare, create

    many = partitions or cluster.counts().get(topics.events, PARTITIONS)
    plan = load(file).plan()
    steps = compare(cluster, topics.wanted(many, settings.log_retention_age, plan.reach))
    if not dry_run:
        create(cluster, steps, replication)
    if as_json:
        say_json([{"topic": s.topic, "action": s.action, "detail": s.detail} for s in steps])
        return
    done = {"create": "would be made" if dry_run else "made", "keep": "is there"}
    for step in steps:
        count = f"{step.topic.partitions} partition{'s' if step.topic.partitions > 1 else ''}"
        policy = step.topic.config["cleanup.policy"]
        said = done.get(step.action) or f"differs: {step.detail}"
        say(f"{step.topic.name:<32} {count:<14} {policy:<16} {said}")


@app.command("acls")
def acls(
    file: AppFile,
    log: Log = None,
    role: Annotated[
        list[str] | None,
        typer.Option(help="ingest, serve, flink, feed, read or analyst; all, unless given."),
    ] = None,
    user: Annotated[
        str | None, typer.Option(help="Whose access is applied or verified; takes one --role.")
    ] = None,
    reads: Annotated[
        list[str] | None, typer.Option(help="A topic of your own that `ingest` reads.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Give it what is missing.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Say what is missing, and end with 1 if anything is.")
    ] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Print the least that each role must be allowed; apply it to a user; verify it.

    To apply or to verify, log in as somebody who may alter or describe access.

    Example: `afresh kafka acls app.py --role serve --user shop-server --apply`
    """
    from afresh.errors import AfreshError
    from afresh.log.kafka import acls as access

    unknown = [r for r in role or () if r not in access.ROLES]
    if unknown:
        raise AfreshError(f"There is no role {unknown[0]!r}", hint=", ".join(access.ROLES))
    roles: list[Any] = list(role or access.ROLES)
    settings, topics = _named(file, config, log)
    found = {r: access.grants(r, topics, tuple(reads or ())) for r in roles}
    if not (apply or verify):
        if as_json:
            say_json(found)
            return
        for r, wanted in found.items():
            say(f"{r}: {access.ROLES[r]}")
            for grant in wanted:
                say(f"  {grant}")
        return
    if user is None or len(roles) != 1:
        raise AfreshError("Whose access?", hint="Give --user NAME and one --role.")
    cluster = _cluster(settings)
    lacking = access.missing(cluster, user, found[roles[0]])
    if apply:
        access.apply(cluster, user, lacking)
        say(f"{user}: {len(lacking)} given, {len(found[roles[0]]) - len(lacking)} were there")
        return
    if as_json:
        say_json(lacking)
    elif not lacking:
        say(f"{user} may do all that the role {roles[0]} needs")
    for grant in lacking if not as_json else ():
        say(f"missing: {grant}")
    if lacking:
        raise typer.Exit(1)


@app.command("copy")
def copy(
    file: AppFile,
    data: DataFolder = None,
    log: Log = None,
    after: Annotated[int, typer.Option(min=0, help="The offset that the last copy named.")] = 0,
    config: Config = None,
) -> None:
    """Write the log in a folder to topics: from one machine to many, or to a new generation.

    What was copied before counts once. The folder may be in use: copy, stop the server, copy what
    came since (`--after`), start it on the topics.

    Example: `afresh kafka copy app.py --data data --log kafka://broker:9092/shop`
    """
    from afresh.cli.terminal import err_console
    from afresh.loading import load
    from afresh.mirror.copying import copy_log
    from afresh.settings import load_settings
    from afresh.watch.progress import bars

    settings = load_settings(file, config, data=data, log=log)
    definition, console = load(file), err_console()
    with bars(console, shown=console.is_terminal) as progress:
        end = copy_log(definition, settings.data, settings, after, progress)
    say(f"copied up to {end:,}; what comes now: --after {end}")


def _named(file: Path, config: Path | None, log: str | None) -> tuple[Settings, Topics]:
    from afresh.log.kafka.topics import topics_of
    from afresh.settings import load_settings

    settings = load_settings(file, config, log=log)
    return settings, topics_of(settings)


def _cluster(settings: Settings) -> Cluster:
    from afresh.log.kafka.address import address_of
    from afresh.log.kafka.topics import Cluster

    return Cluster(address_of(settings))


def _opened(file: Path, config: Path | None, log: str | None) -> tuple[Settings, Cluster, Topics]:
    settings, topics = _named(file, config, log)
    return settings, _cluster(settings), topics

"""`afresh flink`: the job that computes facts on Flink"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from afresh.cli.terminal import AppFile, AsJson, Config, Log, say, say_json

if TYPE_CHECKING:
    from afresh.features.engines.flink.gateway import Gateway
    from afresh.features.engines.flink.job import Job
    from afresh.features.plan import Plan

NAME = "flink"

GatewayUrl = Annotated[str, typer.Option("--gateway", help="Flink's SQL gateway.")]
LOCAL = "http://127.0.0.1:8083"
Parallelism = Annotated[int, typer.Option(min=1, help="Tasks that share each step of the job.")]
Checkpoint = Annotated[str, typer.Option(help="How often Flink saves its state.")]
Outage = Annotated[str, typer.Option(help="How long the job may stand still and still be resumed.")]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="The job that computes facts on Flink: one for an app, through Flink's SQL gateway.\n\n"
    "`afresh plan APP.py --engine flink` prints its SQL.",
)


@app.command("submit")
def submit(
    file: AppFile,
    log: Log = None,
    gateway: GatewayUrl = LOCAL,
    parallelism: Parallelism = 1,
    checkpoint: Checkpoint = "10s",
    outage: Outage = "7d",
    savepoint: Annotated[
        str, typer.Option("--from", help="A savepoint or checkpoint to go on from.")
    ] = "",
    saved: Annotated[
        str, typer.Option(help="When it was made, where its files are not on this machine.")
    ] = "",
    unless_running: Annotated[
        bool, typer.Option("--unless-running", help="Do nothing where a job runs already.")
    ] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Start the job: from the first event, or from a savepoint.

    Events come from `<prefix>.events.<generation>`, facts go to `<prefix>.facts.<generation>`, as
    `afresh kafka init` made them. A savepoint older than --outage is refused.

    Example: `afresh flink submit app.py --log kafka://broker:9092/shop --parallelism 4`
    """
    from afresh.features.engines.flink import running

    made = _moment(saved) if saved else None
    plan, job = _job(file, config, log, parallelism, checkpoint, outage)
    with _opened(gateway) as session:
        found = running.find(session, job.facts) if unless_running else None
        started = found or running.submit(session, plan, job, savepoint=savepoint, saved_ms=made)
    if as_json:
        say_json({"job": started.id, "facts": job.facts, "plan": started.plan, "from": savepoint})
    elif found is not None:
        say(f"job {found.id} runs already and writes {job.facts}")
    else:
        begun = f"from {savepoint}" if savepoint else f"from the first event of {job.events}"
        say(f"job {started.id} runs {begun} and writes {job.facts}")


@app.command("status")
def status(
    file: AppFile,
    log: Log = None,
    gateway: GatewayUrl = LOCAL,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Say whether the job runs, which plan, and what the facts tell of. Ends with 1 if none runs.

    Reads the whole topic of facts. Facts that know less than they did are counted: Flink has
    forgotten some, and the generation is to be made anew.

    Example: `afresh flink status app.py --log kafka://broker:9092/shop`
    """
    from afresh.features.engines.flink import running
    from afresh.features.engines.rows.reading import FactReader
    from afresh.log.kafka.address import address_of
    from afresh.settings import load_settings

    plan, job = _job(file, config, log)
    with _opened(gateway) as session:
        found = running.find(session, job.facts)
    reader = FactReader(address_of(load_settings(file, config, log=log)), job.facts)
    table = reader.read()
    reader.close()
    told: dict[str, Any] = {
        "job": found.id if found else None,
        "status": found.status if found else None,
        "plan": found.plan if found else None,
        "same_plan": bool(found and found.plan == plan.hash),
        "facts": job.facts,
        "events": table.events,
        "newest": table.newest,
        "refused": table.refused,
    }
    if as_json:
        say_json(told)
    else:
        _tell(told)
    if found is None:
        raise typer.Exit(1)


@app.command("stop")
def stop(
    file: AppFile,
    log: Log = None,
    gateway: GatewayUrl = LOCAL,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Stop the job with a savepoint, and say where that lies.

    Example: `afresh flink stop app.py --log kafka://broker:9092/shop`
    """
    from afresh.errors import NotFound
    from afresh.features.engines.flink import running

    _, job = _job(file, config, log)
    with _opened(gateway) as session:
        found = running.find(session, job.facts)
        if found is None:
            raise NotFound(f"No job writes {job.facts}.", hint="Is it another --gateway?")
        savepoint = running.stop(session, found)
    if as_json:
        say_json({"job": found.id, "savepoint": savepoint})
    else:
        say(f"job {found.id} is stopped; its state lies in {savepoint}")
        say(f"\nGo on with: afresh flink submit {file} --from {savepoint}")


@app.command("upgrade")
def upgrade(
    file: AppFile,
    log: Log = None,
    gateway: GatewayUrl = LOCAL,
    parallelism: Parallelism = 1,
    checkpoint: Checkpoint = "10s",
    outage: Outage = "7d",
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Replace the running job by that of a changed definition; all that was counted is kept.

    Stops the old job with a savepoint and goes on from there. What a new feature counts begins
    now: it is whole once its window has passed. Refused, with the old job running on, where the
    operators of the job differ.

    Example: `afresh flink upgrade app.py --log kafka://broker:9092/shop --parallelism 4`
    """
    from afresh.features.engines.flink import running

    plan, job = _job(file, config, log, parallelism, checkpoint, outage)
    with _opened(gateway) as session:
        started, savepoint = running.upgrade(session, plan, job)
    if as_json:
        say_json({"job": started.id, "plan": plan.hash, "savepoint": savepoint})
    else:
        say(f"job {started.id} goes on with plan {plan.hash} from {savepoint}")


def _job(
    file: Any, config: Any, log: str | None, parallelism: int = 1, checkpoint: str = "10s",
    outage: str = "7d",
) -> tuple[Plan, Job]:  # fmt: skip
    from afresh.features.durations import milliseconds
    from afresh.features.engines.flink.clients import job_of
    from afresh.loading import load
    from afresh.settings import load_settings

    job = job_of(
        load_settings(file, config, log=log),
        parallelism=parallelism,
        checkpoint_ms=milliseconds(checkpoint),
        outage_ms=milliseconds(outage),
    )
    return load(file).plan(), job


def _opened(url: str) -> Gateway:
    from afresh.features.engines.flink.gateway import Gateway

    return Gateway(url)


def _moment(text: str) -> int:
    from datetime import datetime

    from afresh.errors import AfreshError

    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError as error:
        raise AfreshError(f"--saved: {error}", hint="Write 2026-01-31T12:00:00Z.") from error


def _tell(told: dict[str, Any]) -> None:
    if told["job"] is None:
        say(f"no job writes {told['facts']}")
    else:
        same = "the definition's plan" if told["same_plan"] else "another plan than the definition"
        say(f"job {told['job']}: {told['status']}, plan {told['plan']}, {same}")
    say(f"{told['facts']}: {told['events']:,} events, the newest of {told['newest']} ms")
    if told["refused"]:
        say(f"{told['refused']:,} facts know less than they did: begin a new generation")

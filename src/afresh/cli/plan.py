"""`afresh plan`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from afresh.cli.terminal import AppFile, AsJson, Log, say

if TYPE_CHECKING:
    from afresh.features.plan import Plan
    from afresh.settings import Settings

NAME = "plan"


def run(
    file: AppFile,
    engine: Annotated[
        str,
        typer.Option(
            help="embedded; flink: the SQL of the job; kafka-streams: the document of the runner."
        ),
    ] = "embedded",
    log: Log = None,
    as_json: AsJson = False,
) -> None:
    """Show what a definition means: what is kept, how long, and which feature reads what.

    Example: `afresh plan app.py --engine flink`
    """
    from afresh.features.describe import describe_plan
    from afresh.loading import load

    plan = load(file).plan()
    text = describe_plan(plan, engine)
    if as_json:
        say(plan.to_json().decode())
    elif engine == "flink":
        say(_sql(plan, _settings(file, plan, log)))
    elif engine == "kafka-streams":
        say(_document(plan, _settings(file, plan, log)))
    else:
        say(text)


def _settings(file: Path, plan: Plan, log: str | None) -> Settings:
    """With the brokers of the settings, or else with some on this machine."""
    from afresh.log.kafka.address import is_kafka
    from afresh.settings import load_settings

    settings = load_settings(file, log=log)
    if is_kafka(settings.log):
        return settings
    return load_settings(file, log=f"kafka://localhost:9092/{plan.app}")


def _sql(plan: Plan, settings: Settings) -> str:
    """The job as it would be typed."""
    from afresh.features.engines.flink.clients import job_of
    from afresh.features.engines.flink.job import script

    return script(plan, job_of(settings, hidden=True))


def _document(plan: Plan, settings: Settings) -> str:
    import msgspec

    from afresh.features.engines.kafka_streams.placing import document_from

    return msgspec.json.format(msgspec.json.encode(document_from(settings, plan))).decode()

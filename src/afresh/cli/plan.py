"""`afresh plan`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afresh.cli.terminal import AppFile, AsJson, say

NAME = "plan"


def run(
    file: AppFile,
    engine: Annotated[
        str, typer.Option(help="embedded, or flink: the SQL of the job.")
    ] = "embedded",
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
    else:
        say(_sql(file) if engine == "flink" else text)


def _sql(file: Path) -> str:
    """The job as it would be typed, for the brokers of the settings or for some on this machine."""
    from afresh.features.engines.flink.clients import job_of
    from afresh.features.engines.flink.job import script
    from afresh.loading import load
    from afresh.log.kafka.address import is_kafka
    from afresh.settings import load_settings

    app, settings = load(file), load_settings(file)
    if not is_kafka(settings.log):
        settings = load_settings(file, log=f"kafka://localhost:9092/{app.name}")
    return script(app.plan(), job_of(settings, hidden=True))

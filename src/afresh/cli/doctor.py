"""`afresh doctor`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from afresh.cli.terminal import AsJson, Config, DataFolder, Log, say, say_json

NAME = "doctor"
_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}


def run(
    file: Annotated[
        Path | None, typer.Argument(metavar="[APP.py]", help="A definition to check as well.")
    ] = None,
    data: DataFolder = None,
    log: Log = None,
    role: Annotated[
        str, typer.Option(help="What this machine does at the brokers: see `afresh kafka acls`.")
    ] = "serve",
    gateway: Annotated[str, typer.Option(help="Flink's SQL gateway, to look at the job.")] = "",
    server: Annotated[
        list[str] | None, typer.Option(help="A server's address; give as many as there are.")
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Look for what is wrong with a machine or a whole deployment, and say how to mend it.

    Here: Python, packages, compiled kernels, disk, clock, the folder and its lock, the port.
    At the brokers that `log` names: version, topics, partitions, retention against what features
    read back, access, clock. At the store: version, access, eviction, clock. At the vector
    database, at Flink, and at servers: whether all run, and run one definition. Ends with 1 when
    something has to be mended.

    Example: `afresh doctor app.py --log kafka://broker:9092/shop --server http://10.0.0.7:8000`
    """
    from afresh.doctor.examining import examine
    from afresh.errors import AfreshError
    from afresh.log.kafka.acls import ROLES

    if role not in ROLES:
        raise AfreshError(f"There is no role {role!r}", hint=", ".join(ROLES))
    named: Any = role
    findings = []
    for found in examine(
        file, data, config, log=log, role=named, gateway=gateway, asked=server or ()
    ):
        findings.append(found)
        if as_json:
            continue
        mark, colour = _MARKS[found.state]
        say(f"{typer.style(mark, fg=colour)} {found.subject:<11} {found.text}")
        if found.hint:
            say(f"  {'':<11} {found.hint}")
    if as_json:
        say_json(findings)
    if any(found.state == "error" for found in findings):
        raise typer.Exit(1)

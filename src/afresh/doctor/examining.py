"""Every examination, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from afresh.doctor import Finding, flink, kafka, machine, servers, store, vectors
from afresh.errors import AfreshError
from afresh.features.plan import Plan
from afresh.loading import check, load
from afresh.log.kafka.acls import Role
from afresh.log.kafka.address import is_kafka
from afresh.log.kafka.topics import topics_of
from afresh.settings import Settings, load_settings


def examine(
    app: Path | None = None,
    data: Path | None = None,
    config: Path | None = None,
    *,
    log: str | None = None,
    role: Role = "serve",
    gateway: str = "",
    asked: Sequence[str] = (),
) -> Iterator[Finding]:
    """Findings as they come. Leaves nothing behind.

    role: what this machine does at the brokers; gateway: Flink's, none: no Flink; asked: the
    addresses of servers.
    """
    yield from machine.examine()
    try:
        settings = load_settings(app, config, data=data, log=log)
    except AfreshError as error:
        yield Finding("settings", "error", error.message, error.hint)
        return
    yield Finding("settings", "ok", "They can be read.")
    yield from machine.examine_folder(settings)
    plan = None
    if app is not None:
        faults = list(_definition(app))
        yield from faults
        if not any(fault.state == "error" for fault in faults):
            plan = load(app).plan()
    yield from _deployment(settings, plan, role, gateway, asked)


def _deployment(
    settings: Settings, plan: Plan | None, role: Role, gateway: str, asked: Sequence[str]
) -> Iterator[Finding]:
    if is_kafka(settings.log):
        yield from kafka.examine(settings, plan, role)
    if settings.store is not None:
        yield from store.examine(settings)
    if settings.vectors is not None:
        yield from vectors.examine(settings, plan)
    if gateway:
        facts = topics_of(settings).facts if is_kafka(settings.log) else None
        yield from flink.examine(gateway, facts, plan)
    if asked:
        yield from servers.examine(asked, plan)


def _definition(app: Path) -> Iterator[Finding]:
    problems = check(app)
    for problem in problems:
        where = f"{problem.file}:{problem.line}: " if problem.file else ""
        yield Finding("definition", problem.severity, where + problem.message, problem.hint)
    if not problems:
        yield Finding("definition", "ok", f"{app} is sound")

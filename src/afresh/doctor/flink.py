"""Examinations of Flink: its gateway, and the job that writes the facts."""

from __future__ import annotations

from collections.abc import Iterator

from afresh.doctor import Finding
from afresh.errors import AfreshError
from afresh.features.engines.flink.gateway import Gateway, call
from afresh.features.engines.flink.running import find
from afresh.features.plan import Plan

TESTED = 2
"""The major version of Flink whose SQL the jobs are written in."""


def examine(url: str, facts: str | None, plan: Plan | None) -> Iterator[Finding]:
    """facts: the topic that the job writes; None: no job is looked for."""
    try:
        version = str(call(f"{url.rstrip('/')}/v3/info", timeout=10)["version"])
        if version.split(".")[0] == str(TESTED):
            yield Finding("flink", "ok", f"Its gateway answers: version {version}")
        else:
            hint = f"Run Flink {TESTED}: jobs are written in its SQL."
            yield Finding("flink", "error", f"It is version {version}", hint)
        if facts is not None:
            yield _job(url, facts, plan)
    except AfreshError as error:
        yield Finding("flink", "error", error.message, error.hint)


def _job(url: str, facts: str, plan: Plan | None) -> Finding:
    with Gateway(url, timeout=30) as gateway:
        job = find(gateway, facts)
    if job is None:
        hint = "Start it: `afresh flink submit APP.py`."
        return Finding("job", "error", f"No job writes {facts}", hint)
    if job.status != "RUNNING":
        return Finding("job", "error", f"Job {job.id} is {job.status}", "Flink's log says why.")
    if plan is not None and job.plan != plan.hash:
        hint = "`afresh flink upgrade APP.py` gives it this definition."
        return Finding("job", "warning", f"Job {job.id} runs another definition's plan", hint)
    return Finding("job", "ok", f"Job {job.id} runs and writes {facts}")

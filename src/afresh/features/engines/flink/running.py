"""Jobs as they run: started, found again, stopped with a savepoint, followed by the next plan."""

from __future__ import annotations

import hashlib
import json
import re
import time
from dataclasses import dataclass

from afresh.errors import AfreshError, NotFound
from afresh.features.engines.flink.gateway import Gateway
from afresh.features.engines.flink.job import Job, inserts, settings, statement_set, tables
from afresh.features.engines.flink.retention import refuse_if_old
from afresh.features.plan import Plan

ENDED = ("FINISHED", "CANCELED", "FAILED", "SUSPENDED")
START_S = 60.0
STEADY_S = 2.0
"""How long a job must have run to have taken up its state."""
LOOK_S = 0.1

_NAME = re.compile(r"afresh (?P<facts>\S+) plan (?P<plan>[0-9a-f]+) shape (?P<shape>[0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class Running:
    """A job of this project, by what its name says."""

    id: str
    status: str
    started: str
    facts: str
    plan: str
    """The hash of the plan that it runs."""
    shape: str
    """A digest of its operators: savepoints fit jobs of the same shape."""


def submit(
    gateway: Gateway, plan: Plan, job: Job, *, savepoint: str = "", saved_ms: int | None = None
) -> Running:
    """Start the job, anew or from a savepoint (saved_ms: when it was made, UTC ms).

    Raises AfreshError when one runs already, when the savepoint is too old, or when Flink does not
    take the job.
    """
    found = find(gateway, job.facts)
    if found is not None:
        raise AfreshError(
            f"Job {found.id} writes {job.facts} already.",
            hint="`afresh flink upgrade` replaces it; `afresh flink stop` ends it.",
        )
    if savepoint:
        refuse_if_old(savepoint, saved_ms, job.outage_ms)
    return _start(gateway, plan, job, prepared(gateway, plan, job), savepoint)


def upgrade(gateway: Gateway, plan: Plan, job: Job) -> tuple[Running, str]:
    """Stop the running job with a savepoint and go on from there with this plan.

    Returns the new job and the savepoint. Raises AfreshError, and lets the old job run, when the
    plan's job has another shape.
    """
    found = find(gateway, job.facts)
    if found is None:
        raise NotFound(
            f"No job writes {job.facts}.",
            hint="Start one: `afresh flink submit APP.py`, with --from for a savepoint.",
        )
    shape = prepared(gateway, plan, job)
    if shape != found.shape:
        raise AfreshError(
            f"The new job's operators are not those of job {found.id}: its state cannot be kept.",
            hint="It runs on. Features never change the operators, versions of afresh or Flink "
            "may: begin a new generation of facts, and stop the old job when it has caught up.",
        )
    savepoint = stop(gateway, found)
    return _start(gateway, plan, job, shape, savepoint), savepoint


def stop(gateway: Gateway, running: Running) -> str:
    """End a job after a savepoint; where the savepoint lies."""
    rows = gateway.run(f"STOP JOB '{running.id}' WITH SAVEPOINT")
    return str(rows[0][0])


def find(gateway: Gateway, facts: str) -> Running | None:
    """The job that writes a topic of facts, if one runs."""
    return next((job for job in listed(gateway) if job.facts == facts), None)


def listed(gateway: Gateway) -> list[Running]:
    """The jobs of this project that run."""
    jobs = []
    for job_id, name, status, started in gateway.run("SHOW JOBS"):
        said = _NAME.fullmatch(str(name))
        if said is not None and status not in ENDED:
            jobs.append(Running(str(job_id), str(status), str(started), **said.groupdict()))
    return jobs


def prepared(gateway: Gateway, plan: Plan, job: Job) -> str:
    """Name the tables in this session; the shape of the job that would run."""
    gateway.set(settings(plan, job))
    for statement in tables(plan, job):
        gateway.run(statement)
    asked = f"EXPLAIN JSON_EXECUTION_PLAN STATEMENT SET BEGIN\n{inserts(plan)};\nEND"
    return shape_of(str(gateway.run(asked)[0][0]))


def shape_of(explained: str) -> str:
    """12 hex digits of the operators and what flows between them, without what they compute."""
    graph = json.loads(explained[explained.index('{\n  "nodes"') :])
    at = {node["id"]: place for place, node in enumerate(graph["nodes"])}
    operators = [
        (
            re.sub(r"\[\d+\]", "", node["type"]),
            [(at[p["id"]], p["ship_strategy"]) for p in node.get("predecessors", ())],
        )
        for node in graph["nodes"]
    ]
    return hashlib.sha256(json.dumps(operators).encode()).hexdigest()[:12]


def _start(gateway: Gateway, plan: Plan, job: Job, shape: str, savepoint: str) -> Running:
    """Start the job whose tables this session names, and wait until it runs."""
    gateway.set({"pipeline.name": f"afresh {job.facts} plan {plan.hash} shape {shape}"})
    if savepoint:
        gateway.set({"execution.state-recovery.path": savepoint})
    job_id = gateway.submit(statement_set(plan))
    until, steady = time.monotonic() + START_S, 0.0
    while time.monotonic() < until:
        time.sleep(LOOK_S)
        found = next((job for job in listed(gateway) if job.id == job_id), None)
        if found is None or found.status not in ("CREATED", "INITIALIZING", "RUNNING"):
            break  # a job that cannot take up its state starts again and again
        steady += LOOK_S if found.status == "RUNNING" else 0.0
        if steady > (STEADY_S if savepoint else 0.0):
            return found
    if found is not None:
        gateway.run(f"STOP JOB '{job_id}'")
    kept = f" Its savepoint is kept: {savepoint}." if savepoint else ""
    raise AfreshError(f"Job {job_id} does not run; it was stopped.{kept}",
                      hint="Flink's log says why.")  # fmt: skip

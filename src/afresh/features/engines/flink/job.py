"""The job: tables, the events told once, and one INSERT for each kind of fact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from afresh.features.engines.flink.columns import IDENTITY, SAID, identifier, property_types, quoted
from afresh.features.engines.flink.distincts import insert_distincts
from afresh.features.engines.flink.lists import insert_links, insert_lists
from afresh.features.engines.flink.retention import ADMISSION_MS, OUTAGE_MS, state_ttl
from afresh.features.engines.flink.tiles import insert_tiles
from afresh.features.plan import Plan

TABLES = {
    "tiles": (
        ("fact", "family", "key", "tile BIGINT", "group", "type", "input"),
        ("n BIGINT", "sum BIGINT", "sq_low BIGINT", "sq_high BIGINT", "min BIGINT", "max BIGINT"),
    ),
    "lists": (
        ("fact", "list", "key", "owner", "event_id"),
        ("timestamp BIGINT", "type", "item", "session"),
    ),
    "distincts": (("fact", "counted", "key", "tile BIGINT", "digest"), ()),
    "links": (("fact", "owner", "event_id"), ("session", "user", "timestamp BIGINT")),
}
"""The rows of the facts' topic: the columns of the key, and of the value beside `offset`."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """Where a job reads and writes, and how it runs. Times in ms."""

    brokers: str
    events: str
    """The topic of events."""
    facts: str
    """The topic of facts."""
    group: str
    """The consumer group. What it has committed is what the facts reflect at least."""
    parallelism: int = 1
    checkpoint_ms: int = 10_000
    buffer_ms: int = 1
    """How long a record may wait for others on its way between tasks."""
    list_rows: int = 50_000
    """Rows of lists that a task holds decoded. Flink's own 10,000 are those of 100 keys."""
    admission_ms: int = ADMISSION_MS
    outage_ms: int = OUTAGE_MS
    kafka: Mapping[str, str] = field(default_factory=dict)
    """Further properties of Kafka's Java clients, such as `security.protocol`."""


def settings(plan: Plan, job: Job) -> dict[str, str]:
    """What is SET before the tables are made."""
    return {
        "parallelism.default": str(job.parallelism),
        "execution.checkpointing.interval": f"{job.checkpoint_ms} ms",
        "execution.checkpointing.mode": "AT_LEAST_ONCE",  # enough: a fact that is repeated is equal
        "execution.buffer-timeout.interval": f"{job.buffer_ms} ms",
        "table.exec.state.ttl": f"{state_ttl(plan, job.admission_ms, job.outage_ms)} ms",
        "table.exec.rank.topn-cache-size": str(job.list_rows),
        # All statements share one reading and one de-duplication of the events.
        "table.optimizer.reuse-optimize-block-with-digest-enabled": "true",
        # A row of a list is added once and taken away once, by one task: nothing to reconcile.
        "table.exec.sink.require-on-conflict": "false",
        "table.exec.sink.upsert-materialize": "NONE",
    }


def tables(plan: Plan, job: Job) -> list[str]:
    """The statements that name the topics and the de-duplicated events."""
    sinks = [_sink(name, *columns, job) for name, columns in TABLES.items()]
    return [_source(plan, job), _uniq(plan), *sinks]


def inserts(plan: Plan) -> str:
    """One INSERT for each kind of fact."""
    return ";\n".join(
        (insert_tiles(plan), insert_lists(plan), insert_distincts(plan), insert_links())
    )


def statement_set(plan: Plan) -> str:
    """The one statement that is the job."""
    return f"EXECUTE STATEMENT SET BEGIN\n{inserts(plan)};\nEND"


def script(plan: Plan, job: Job) -> str:
    """The whole job as it would be typed."""
    sets = [f"SET {quoted(name)} = {quoted(value)}" for name, value in settings(plan, job).items()]
    return ";\n\n".join(["\n".join(f"{line};" for line in sets)[:-1], *tables(plan, job),
                         statement_set(plan)]) + ";"  # fmt: skip


UNIQ = """CREATE TEMPORARY VIEW uniq AS SELECT {columns} FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY owner, event_id ORDER BY arrived) AS nth FROM (
    SELECT *, COALESCE(visited, owner) AS visit FROM (
      SELECT {read},
        CASE WHEN user_id IS NOT NULL THEN 'u:' || user_id ELSE 's:' || session_id END AS owner,
        's:' || session_id AS visited
      FROM events
    )
  ) WHERE owner IS NOT NULL AND event_id IS NOT NULL AND event_type IS NOT NULL
    AND `timestamp` IS NOT NULL
) WHERE nth = 1"""
"""An event is its owner and its id; the first in the order of its partition is the one."""

OURS = {"@partition": "`partition`", "@offset": "`offset`", "@arrived": "arrived"}


def _uniq(plan: Plan) -> str:
    said = {name: identifier(SAID + name) for name in property_types(plan)}
    plain = [*IDENTITY, "`timestamp`"]
    read = [*plain, *(f"{identifier(name)} AS {new}" for name, new in {**said, **OURS}.items())]
    columns = [*plain, *said.values(), *OURS.values(), "owner", "visited", "visit"]
    return UNIQ.format(columns=", ".join(columns), read=", ".join(read))


def _source(plan: Plan, job: Job) -> str:
    columns = [f"{name} STRING" for name in IDENTITY]
    columns += ["`timestamp` BIGINT"]
    columns += [f"{identifier(name)} {kind}" for name, kind in property_types(plan).items()]
    columns += [
        "`@partition` INT METADATA FROM 'partition' VIRTUAL",
        "`@offset` BIGINT METADATA FROM 'offset' VIRTUAL",
        "`@arrived` AS PROCTIME()",
    ]
    options = {
        "connector": "kafka",
        "topic": job.events,
        **_clients(job),
        # An event that comes while a fetch rests waits for its end.
        "properties.fetch.max.wait.ms": "20",
        "properties.group.id": job.group,
        "scan.startup.mode": "earliest-offset",
        "format": "json",
        # Servers put what is no event aside as dead, and go on: so does the job.
        "json.ignore-parse-errors": "true",
    }
    return f"CREATE TEMPORARY TABLE events (\n  {_joined(columns)}\n) WITH (\n{_with(options)}\n)"


def _sink(name: str, key: tuple[str, ...], value: tuple[str, ...], job: Job) -> str:
    columns = [_column(spec) for spec in (*key, *value, "offset BIGINT")]
    primary = ", ".join(identifier(spec.split(" ")[0]) for spec in key)
    options = {
        "connector": "upsert-kafka",
        "topic": job.facts,
        **_clients(job),
        "properties.compression.type": "lz4",
        "properties.linger.ms": "0",  # Kafka 4 lets a row wait for 5 ms
        "key.format": "json",
        "value.format": "json",
        "value.json.encode.ignore-null-fields": "true",
        "value.fields-include": "EXCEPT_KEY",
    }
    body = _joined([*columns, f"PRIMARY KEY ({primary}) NOT ENFORCED"])
    return f"CREATE TEMPORARY TABLE {name} (\n  {body}\n) WITH (\n{_with(options)}\n)"


def _column(spec: str) -> str:
    name, _, kind = spec.partition(" ")
    return f"{identifier(name)} {kind or 'STRING'}"


def _clients(job: Job) -> dict[str, str]:
    more = {f"properties.{name}": value for name, value in job.kafka.items()}
    return {"properties.bootstrap.servers": job.brokers, **more}


def _joined(parts: list[str]) -> str:
    return ",\n  ".join(parts)


def _with(options: dict[str, str]) -> str:
    return ",\n".join(f"  {quoted(name)} = {quoted(value)}" for name, value in options.items())

"""The features of `_apps/pulse.py` as somebody who knows Flink would write them.

One INSERT for each table of results; all share one reading and one de-duplication. Windows are
tiles here too, so that the same values can be read from them.
"""

from __future__ import annotations

from collections.abc import Sequence

from afresh.features.engines.flink.job import Job

MINUTE, DAY = 60_000, 86_400_000
WEIGHT = "SUM(CASE event_type WHEN 'view' THEN 1 WHEN 'cart' THEN 3 ELSE 10 END)"

EVENTS = """CREATE TEMPORARY TABLE events (
  event_id STRING, event_type STRING, user_id STRING, session_id STRING, item_id STRING,
  `timestamp` BIGINT, `item.category` STRING, price_cents BIGINT, arrived AS PROCTIME()
) WITH ('connector' = 'kafka', 'topic' = '{events}', 'properties.group.id' = '{group}',
  'properties.bootstrap.servers' = '{brokers}', 'scan.startup.mode' = 'earliest-offset',
  'format' = 'json', 'json.ignore-parse-errors' = 'true')"""

UNIQUE = """CREATE TEMPORARY VIEW uniq AS
SELECT event_id, event_type, owner, visit, item_id, ts, category, price_cents FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY owner, event_id ORDER BY arrived) AS nth FROM (
    SELECT event_id, event_type, item_id, `timestamp` AS ts, `item.category` AS category,
      price_cents, arrived, COALESCE('s:' || session_id, 'u:' || user_id) AS visit,
      COALESCE('u:' || user_id, 's:' || session_id) AS owner
    FROM events
  )
) WHERE nth = 1"""


def by_hand(job: Job) -> tuple[list[str], str]:
    """The statements that make tables, and the one that is the job."""
    made = [EVENTS.format(events=job.events, group=job.group, brokers=job.brokers), UNIQUE]
    inserts: list[str] = []

    def tiles(
        name: str, key: str, width: int, values: Sequence[str], *, by: str = "", only: str = ""
    ) -> None:
        keys = [key, by] if by else [key]
        columns = [f"{column} STRING" for column in keys] + ["tile BIGINT"]
        made.append(_sink(job, name, columns, [f"v{at} BIGINT" for at in range(len(values))]))
        grouped = ", ".join([*keys, f"ts / {width}"])
        here = " AND ".join([*(f"{k} IS NOT NULL" for k in keys), *([only] if only else [])])
        inserts.append(
            f"INSERT INTO {name} SELECT '{name}', {grouped}, {', '.join(values)} FROM uniq "
            f"WHERE {here} GROUP BY {grouped}"
        )

    views = "COUNT(*) FILTER (WHERE event_type = 'view')"
    buys = "COUNT(*) FILTER (WHERE event_type = 'buy')"
    view, buy = "event_type = 'view'", "event_type = 'buy' AND price_cents IS NOT NULL"
    tiles("now_", "item_id", 5 * MINUTE, ["COUNT(*)"], only=view)
    tiles("hour_", "item_id", MINUTE, [views, WEIGHT])
    tiles("day_", "item_id", 30 * MINUTE, [WEIGHT])
    tiles("week_", "item_id", DAY, [views, buys, WEIGHT])
    tiles("tastes", "owner", 450_000, ["COUNT(*)"], by="category", only=view)
    tiles("spend", "owner", DAY, ["SUM(price_cents)"], only=buy)
    tiles("viewers", "item_id", DAY, ["COUNT(DISTINCT owner)"], only=view)
    for name, key, n in (
        ("recent", "owner", 100),
        ("visits", "visit", 50),
        ("seen", "item_id", 1000),
    ):
        made.append(_sink(job, name, [f"{c} STRING" for c in ("k", "owner", "event_id")],
                          ["ts BIGINT", "kind STRING", "item STRING", "visit STRING"]))  # fmt: skip
        inserts.append(
            f"INSERT INTO {name} SELECT '{name}', {key}, owner, event_id, ts, event_type, item_id, "
            f"visit FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY {key} ORDER BY ts DESC, "
            f"event_id DESC) AS nth FROM uniq WHERE item_id IS NOT NULL) WHERE nth <= {n}"
        )
    return made, "EXECUTE STATEMENT SET BEGIN\n" + ";\n".join(inserts) + ";\nEND"


def _sink(job: Job, name: str, key: list[str], value: list[str]) -> str:
    named = ", ".join(["fact", *(column.split()[0] for column in key)])
    return (
        f"CREATE TEMPORARY TABLE {name} (fact STRING, {', '.join([*key, *value])}, "
        f"PRIMARY KEY ({named}) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', "
        f"'topic' = '{job.facts}', 'properties.bootstrap.servers' = '{job.brokers}', "
        "'properties.compression.type' = 'lz4', 'key.format' = 'json', 'value.format' = 'json', "
        "'value.fields-include' = 'EXCEPT_KEY')"
    )

"""Distinct values: per key and tile, the k least of the values' hashes."""

from __future__ import annotations

from afresh.features.engines.flink.columns import key, literal, only, text
from afresh.features.engines.flink.lists import NOTHING
from afresh.features.engines.rows.identity import distinct_name
from afresh.features.plan import Distinct, Plan

HEX_DIGITS = 16
"""64 bits: as many digits as sort like the number they spell."""


def value_rows(plan: Plan) -> list[str]:
    """The values of an event, as ROWs (counted, key, tile, k, said)."""
    return [_row(plan, spec) for spec in plan.distincts] or [
        f"ROW({literal('')}, {NOTHING}, `timestamp`, CAST(1 AS BIGINT), event_type)"
    ]


def insert_distincts(plan: Plan) -> str:
    """The statement; its shape is the same for every plan."""
    rows = ",\n    ".join(value_rows(plan))
    return f"""INSERT INTO distincts
  SELECT 'distinct', counted, `key`, tile, digest, `offset` FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY counted, `key`, tile, k ORDER BY digest) AS least
    FROM (
      SELECT k, counted, `key`, tile, digest, `offset` FROM (
        SELECT *, ROW_NUMBER() OVER (
          PARTITION BY counted, `key`, tile, k, digest ORDER BY arrived
        ) AS nth
        FROM (
          SELECT k, counted, `key`, tile, SUBSTRING(SHA256(said), 1, {HEX_DIGITS}) AS digest,
            `offset`, arrived
          FROM uniq CROSS JOIN UNNEST(ARRAY[
    {rows}
          ]) AS told(counted, `key`, tile, k, said)
          WHERE `key` IS NOT NULL AND said IS NOT NULL
        )
      ) WHERE nth = 1
    )
  ) WHERE least <= k"""


def _row(plan: Plan, spec: Distinct) -> str:
    name = literal(distinct_name(plan, spec))
    mine = only(plan, spec.types, key(plan, spec.key))
    tile, k = f"`timestamp` / {spec.width}", f"CAST({spec.k} AS BIGINT)"
    return f"ROW({name}, {mine}, {tile}, {k}, {_value(plan, spec)})"


def _value(plan: Plan, spec: Distinct) -> str:
    """What is hashed: people with a letter before their name, as users and sessions share names."""
    if spec.input is not None:
        return text(plan.inputs[spec.input])
    named = {"item_id": "item_id", "session_id": "'s' || session_id"}
    owner = "CASE WHEN user_id IS NULL THEN 's' || session_id ELSE 'u' || user_id END"
    return named.get(spec.value, owner)

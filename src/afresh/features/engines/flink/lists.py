"""Lists: sequences, sessions and postings, each the last n of a key by (timestamp, event_id)."""

from __future__ import annotations

from collections.abc import Iterator

from afresh.features.engines.flink.columns import key, literal, only
from afresh.features.engines.flink.identity import postings_name, sequence_name, sessions_name
from afresh.features.plan import Plan

NOTHING = "CASE WHEN event_type = '' THEN owner END"
"""A key that no event has, and that Flink cannot know to be NULL."""


def list_rows(plan: Plan) -> list[str]:
    """The lists that an event belongs to, as ROWs (list, key, n)."""
    return [f"ROW({literal(name)}, {who}, {n})" for name, who, n in _lists(plan)] or [
        f"ROW(event_type, {NOTHING}, 1)"
    ]


def insert_lists(plan: Plan) -> str:
    """The statement; its shape is the same for every plan."""
    rows = ",\n    ".join(list_rows(plan))
    return f"""INSERT INTO lists
  SELECT 'list', list, `key`, owner, event_id, `timestamp`, event_type, item_id, visit, `offset`
  FROM (
    SELECT *, ROW_NUMBER() OVER (
      PARTITION BY list, `key`, n ORDER BY `timestamp` DESC, event_id DESC, owner DESC
    ) AS nth
    FROM (
      SELECT CAST(m AS BIGINT) AS n, list, `key`, owner, event_id, `timestamp`, event_type, item_id,
        visit, `offset`
      FROM uniq CROSS JOIN UNNEST(ARRAY[
    {rows}
      ]) AS held(list, `key`, m)
      WHERE `key` IS NOT NULL AND item_id IS NOT NULL
    )
  ) WHERE nth <= n"""


def insert_links() -> str:
    """The statement that hands on which session turned out to be whom."""
    return """INSERT INTO links
  SELECT 'link', owner, event_id, session_id, user_id, `timestamp`, `offset` FROM uniq
  WHERE event_type = 'identify' AND session_id IS NOT NULL AND user_id IS NOT NULL"""


def _lists(plan: Plan) -> Iterator[tuple[str, str, int]]:
    for spec in plan.sequences:
        yield sequence_name(plan, spec), only(plan, spec.types, key(plan, spec.key)), spec.n
    p = plan.postings
    if p.types:
        yield sessions_name(plan), only(plan, p.types, "visit"), p.per_session
        yield postings_name(plan), only(plan, p.types, "item_id"), p.per_item

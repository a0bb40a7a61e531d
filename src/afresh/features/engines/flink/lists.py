"""Lists: sequences, sessions and postings, each the last n of a key by (timestamp, event_id)."""

from __future__ import annotations

from afresh.features.engines.flink.columns import key, literal, only
from afresh.features.engines.rows.lists import VISIT, lists_of
from afresh.features.plan import Plan

NOTHING = "CASE WHEN event_type = '' THEN owner END"
"""A key that no event has, and that Flink cannot know to be NULL."""


def list_rows(plan: Plan) -> list[str]:
    """The lists that an event belongs to, as ROWs (list, key, n)."""
    rows = []
    for kept in lists_of(plan):
        who = "visit" if kept.key == VISIT else key(plan, kept.key)
        rows.append(f"ROW({literal(kept.name)}, {only(plan, kept.types, who)}, {kept.n})")
    return rows or [f"ROW(event_type, {NOTHING}, 1)"]


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

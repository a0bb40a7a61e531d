"""What became of events since the process started, counted; and a group's refusals as one list."""

from __future__ import annotations

from dataclasses import dataclass, field

from afresh.events.admission import Admitted
from afresh.events.columnar import Columns
from afresh.events.verdict import Rejection


@dataclass(slots=True)
class Counters:
    """Totals since the process started."""

    accepted: int = 0
    duplicates: int = 0
    late: int = 0
    commits: int = 0
    rejected: dict[str, int] = field(default_factory=dict)

    def commit(self, admitted: Admitted, rejected: list[Rejection]) -> None:
        """A group was written."""
        self.commits += 1
        self.accepted += admitted.batch.n
        self.duplicates += len(admitted.duplicates)
        self.late += len(admitted.late)
        for r in rejected:
            self.rejected[r.code] = self.rejected.get(r.code, 0) + 1


def rejections(columns: Columns, admitted: Admitted) -> list[Rejection]:
    """What was refused of a group, by its places among what was given."""
    rows = columns.rows
    return columns.rejected + [
        Rejection(int(rows[r.index]), r.code, r.path, r.detail) for r in admitted.rejected
    ]

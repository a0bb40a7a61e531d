"""The Features classes of a definition as tables: a name, the column of the key, the features."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from afresh.errors import AfreshError
from afresh.features.plan import Feature, Plan
from afresh.features.reading import features_of

MOMENT = "moment_ms"
"""A column beside the features: the moment of which the values are, UTC ms."""
TIME = "timestamp"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_COLUMN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}")


class Table(NamedTuple):
    """name: `<app>_<class>` in small letters; key: the key field; column: what its column is
    called, as `item.category` has a dot."""

    name: str
    key: str
    column: str
    features: Sequence[Feature]


def tables(plan: Plan) -> list[Table]:
    """A table for each Features class. Raises AfreshError for names that a vendor would not take,
    or could not tell apart."""
    groups: dict[tuple[str, str], list[Feature]] = {}
    for feature in plan.features:
        groups.setdefault((feature.key, feature.group), []).append(feature)
    made = [
        Table(small(f"{plan.app}_{group}"), key, column(key), features)
        for (key, group), features in groups.items()
    ]
    names = [table.name for table in made]
    for table in made:
        if not _NAME.fullmatch(table.name) or names.count(table.name) > 1:
            raise _refused(table.name)
        columns = [table.column, MOMENT, TIME, *(feature.name for feature in table.features)]
        for name in columns:
            if not _COLUMN.fullmatch(name) or columns.count(name) > 1:
                raise _refused(name)
    return made


def of_key(plan: Plan, made: Sequence[Table], key: str) -> list[Table]:
    """The tables of a key field. Raises BadRequest for one without features."""
    features_of(plan, key, None)
    return [table for table in made if table.key == key]


def column(key: str) -> str:
    return key.replace(".", "_")


def small(name: str) -> str:
    """`UserNow` as `user_now`, `my-shop` as `my_shop`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()


def rfc3339(moment: int) -> str:
    """UTC ms as `2026-09-21T14:13:20.123Z`."""
    at = datetime.fromtimestamp(moment / 1000, UTC).isoformat(timespec="milliseconds")
    return at.replace("+00:00", "Z")


def _refused(name: str) -> AfreshError:
    return AfreshError(
        f"A feature store of others takes no name {name!r}, or has it twice.",
        hint=f"Letters, digits and _ after a letter; {MOMENT} and {TIME} are taken.",
    )

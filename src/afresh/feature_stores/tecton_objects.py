"""The Python that a Tecton repository needs for a definition, as text for `tecton apply`."""

from __future__ import annotations

from collections.abc import Sequence

from afresh.feast.types import number_type
from afresh.feature_stores.tables import MOMENT, TIME, Table, small
from afresh.features.plan import Feature, Plan

HEAD = '''"""Written from the definition of {app}: change that, not this."""

from datetime import datetime, timedelta

from tecton import Attribute, Entity, FeatureService, PushConfig, StreamFeatureView, StreamSource
from tecton.types import Field, Float64, Int64, String, Timestamp
'''


def objects(plan: Plan, tables: Sequence[Table], days: int) -> str:
    """The same definition gives the same text. days: how long a value is kept without a push."""
    parts = [HEAD.format(app=plan.app)]
    held = {table.column: [t for t in tables if t.column == table.column] for table in tables}
    for key, mine in held.items():
        parts.append(
            f'{key}_entity = Entity(name="{small(plan.app)}_{key}", '
            f'join_keys=[Field("{key}", String)])\n'
        )
        parts.extend(_view(table, days) for table in mine)
        views = ", ".join(table.name for table in mine)
        parts.append(
            f"{key}_service = FeatureService(\n"
            f'    name="{small(plan.app)}_{key}", online_serving_enabled=True, features=[{views}]\n'
            ")\n"
        )
    return "\n".join(parts)


def _view(table: Table, days: int) -> str:
    features = [(MOMENT, "Int64"), *((feature.name, _type(feature)) for feature in table.features)]
    schema = [(table.column, "String"), (TIME, "Timestamp"), *features]
    fields = "".join(f'        Field("{name}", {kind}),\n' for name, kind in schema)
    attributes = "".join(f'        Attribute("{name}", {kind}),\n' for name, kind in features)
    return (
        f"{table.name}_source = StreamSource(\n"
        f'    name="{table.name}",\n'
        "    stream_config=PushConfig(),\n"
        f"    schema=[\n{fields}    ],\n"
        ")\n"
        f"{table.name} = StreamFeatureView(\n"
        f'    name="{table.name}",\n'
        f"    source={table.name}_source,\n"
        f"    entities=[{table.column}_entity],\n"
        "    online=True,\n"
        "    offline=False,\n"
        "    feature_start_time=datetime(2020, 1, 1),\n"
        f"    ttl=timedelta(days={days}),\n"
        f'    timestamp_field="{TIME}",\n'
        f"    features=[\n{attributes}    ],\n"
        ")\n"
    )


def _type(feature: Feature) -> str:
    if not feature.is_number:
        return "String"
    return "Int64" if number_type(feature) == "Int64" else "Float64"

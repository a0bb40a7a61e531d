"""The files of a Feast repository, as text: what a user of Feast would have written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from afresh.feast.declared import EVENT, EVENT_COLUMNS, EVENTS, Declared, View

MARK = "# Written by `afresh feast init`"
"""How each file begins. One that begins otherwise is somebody else's and stays as it is."""

_UNITS = (("days", 86_400_000), ("hours", 3_600_000), ("minutes", 60_000), ("seconds", 1000))


class Places(NamedTuple):
    """Where the definition, the data folder and the server are, as feature_store.yaml says it:
    paths relative to the repository. store: None leaves it to the settings of the app."""

    app: str
    data: str
    store: str | None
    server: str


def files(made: Declared, places: Places) -> dict[str, str]:
    """Name -> text of each file; the same definition gives the same bytes."""
    return {"feature_store.yaml": _settings(made, places), "definitions.py": _definitions(made)}


def _settings(made: Declared, places: Places) -> str:
    store = [] if places.store is None else [f"  store: {_quoted(places.store)}"]
    lines = [
        f"{MARK}; `feast apply` reads it.",
        f"project: {made.project}",
        "provider: local",
        "registry: data/registry.db",
        "entity_key_serialization_version: 3",
        "online_store: # values as of now, from the store that a server writes",
        "  type: afresh.feast.online.AfreshOnlineStore",
        f"  app: {_quoted(places.app)}",
        *store,
        f"  server: {_quoted(places.server)} # takes the events that are pushed",
        "offline_store: # values as of any moment, from the log",
        "  type: afresh.feast.offline.AfreshOfflineStore",
        f"  app: {_quoted(places.app)}",
        f"  data: {_quoted(places.data)}",
    ]
    return "\n".join(lines) + "\n"


def _definitions(made: Declared) -> str:
    types = {kind for view in made.views for _, kind in view.fields} | {"String"}
    names = {word for kind in types for word in kind.rstrip(")").split("(")}
    parts = [
        f"{MARK} from the app {made.project}: change the definition, not this file.",
        "from datetime import timedelta\n",
        "from feast import Entity, FeatureService, FeatureView, Field, PushSource, ValueType",
        f"from feast.types import {', '.join(sorted(names))}\n",
        "from afresh.feast.source import AfreshSource\n",
        *(_entity(entity.name, entity.key) for entity in made.entities),
        _entity(EVENT, f"{EVENT}_id"),
        "",
        "\n".join(map(_view, made.views)),
        _events(),
        "\n".join(_service(name, views) for name, views in made.services.items()),
    ]
    return "\n".join(parts)


def _entity(name: str, key: str) -> str:
    given = f'name="{name}", join_keys=["{key}"], value_type=ValueType.STRING'
    return f"{_variable(name)} = Entity({given})"


def _view(view: View) -> str:
    fields = [f'        Field(name="{name}", dtype={kind}),' for name, kind in view.fields]
    return "\n".join(
        [
            f"{_variable(view.name)}_view = FeatureView(",
            f'    name="{view.name}",',
            f"    entities=[{_variable(view.entity.name)}],",
            f"    ttl={_span(view.ttl_ms)},",
            "    schema=[",
            *fields,
            "    ],",
            f'    source=AfreshSource(name="{view.name}_log"),',
            ")\n",
        ]
    )


def _events() -> str:
    fields = [f'        Field(name="{name}", dtype=String),' for name in EVENT_COLUMNS]
    return "\n".join(
        [
            "# What happens: `store.push` sends rows of it to the server, and all values follow.",
            f'{EVENTS} = PushSource(name="{EVENTS}", '
            f'batch_source=AfreshSource(name="{EVENTS}_log"))',
            f"{EVENTS}_view = FeatureView(",
            f'    name="{EVENTS}",',
            f"    entities=[{EVENT}],",
            "    ttl=timedelta(0),",
            "    schema=[",
            *fields,
            "    ],",
            f"    source={EVENTS},",
            ")\n",
        ]
    )


def _service(name: str, views: Sequence[str]) -> str:
    listed = ", ".join(f"{_variable(view)}_view" for view in views)
    return f'{_variable(name)}_service = FeatureService(name="{name}", features=[{listed}])'


def _variable(name: str) -> str:
    return "".join(c if c.isalnum() and c.isascii() else "_" for c in name)


def _span(ms: int) -> str:
    for unit, size in _UNITS:
        if ms % size == 0:
            return f"timedelta({unit}={ms // size})"
    return f"timedelta(milliseconds={ms})"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

"""A definition in Feast's words: an entity a key, a feature view a Features class."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from afresh.errors import AfreshError
from afresh.feast.types import feast_type
from afresh.features.plan import Feature, Plan

EVENTS, EVENT = "events", "event"
"""The push source of events, and the view that it fills; that view's entity."""

EVENT_COLUMNS = ("event_type", "user_id", "item_id", "session_id", "value", "properties")
"""What a pushed row says beside its event_id and its time; all text. `properties` is JSON."""


class Entity(NamedTuple):
    """name: as views refer to it; key: the column that holds its id."""

    name: str
    key: str


class View(NamedTuple):
    """fields: (feature, type) in the order of the definition; ttl_ms: how old the oldest fact is
    that any of them can read."""

    name: str
    group: str
    entity: Entity
    ttl_ms: int
    fields: Sequence[tuple[str, str]]


class Declared(NamedTuple):
    """services: name -> names of views; one a key, and `everything`."""

    project: str
    entities: Sequence[Entity]
    views: Sequence[View]
    services: dict[str, Sequence[str]]


def declared(plan: Plan) -> Declared:
    """Raises AfreshError where Feast could not tell two names apart."""
    if not plan.features:
        raise AfreshError("The definition has no features.", hint="Add a Features class.")
    keys = list(dict.fromkeys(feature.key for feature in plan.features))
    entities = {key: Entity(_entity_name(key, keys), key) for key in keys}
    for feature in plan.features:
        if feature.name in (*keys, "event_timestamp", "created"):
            raise AfreshError(
                f"Feast would take the feature {feature.name!r} for a key or a time.",
                hint="Give the feature another name.",
            )
    groups: dict[tuple[str, str], list[Feature]] = {}
    for feature in plan.features:
        groups.setdefault((feature.group, feature.key), []).append(feature)
    views = [
        View(snake(group), group, entities[key], _reach(plan, mine), _fields(mine))
        for (group, key), mine in groups.items()
    ]
    services: dict[str, Sequence[str]] = {
        f"by_{entity.name}": [view.name for view in views if view.entity is entity]
        for entity in entities.values()
    }
    services["everything"] = [view.name for view in views]
    _check_names([EVENTS, *(view.name for view in views)], "feature views")
    _check_names([EVENT, *(entity.name for entity in entities.values())], "entities")
    return Declared(project_name(plan.app), list(entities.values()), views, services)


def project_name(app: str) -> str:
    """An app's name as Feast takes it: letters, digits and underscores, a letter first."""
    plain = _plain(app)
    return plain if plain[:1].isalpha() else f"app_{plain}"


def snake(name: str) -> str:
    """`ItemPulse` as `item_pulse`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_")


def _check_names(names: Sequence[str], what: str) -> None:
    """Letters of another case do not make another name in Feast; ours are all lower by now."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise AfreshError(
            f"Two {what} would be called {twice[0]!r} in Feast.",
            hint="Rename one of the Features classes, or of the keys.",
        )


def _entity_name(key: str, keys: Sequence[str]) -> str:
    stem = key.removesuffix("_id")
    return _plain(key if stem != key and stem in keys else stem).lower()


def _plain(name: str) -> str:
    """Letters, digits and underscores."""
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")


def _fields(features: Sequence[Feature]) -> list[tuple[str, str]]:
    return [(feature.name, feast_type(feature)) for feature in features]


def _reach(plan: Plan, features: Sequence[Feature]) -> int:
    """The age, in ms, of the oldest fact that one of the features can read."""
    ages = [plan.families[read.family].reach for f in features for read in f.reads]
    ages += [plan.distincts[f.distinct].reach for f in features if f.distinct is not None]
    ages += [plan.sequences[f.sequence].within for f in features if f.sequence is not None]
    return max(ages)

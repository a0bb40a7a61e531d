"""From what feature_store.yaml says of a store to the plan and the settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from afresh.errors import BadRequest
from afresh.features.plan import Feature, Plan
from afresh.features.reading import features_of
from afresh.loading import load
from afresh.settings import Settings, load_settings


def plan_and_settings(repository: Path | None, app: str, **given: Any) -> tuple[Plan, Settings]:
    """The plan of the definition file `app`, relative to the repository, and the settings in
    force for it; `given` goes before them. Raises AfreshError, with file and line."""
    file = (repository or Path()) / app
    return load(file).plan(), load_settings(file, **given)


def features_named(plan: Plan, key: str, names: Sequence[str]) -> list[Feature]:
    """The features of a view that is kept by a key, in its order.

    Raises NotFound or BadRequest where the definition has changed and the repository has not.
    """
    found = features_of(plan, key, names)
    if len(found) != len(names):
        kept = {feature.name for feature in found}
        other = next(name for name in names if name not in kept)
        raise BadRequest(
            f"The definition no longer keeps {other!r} by {key!r}.",
            hint="Write the repository anew: afresh feast init APP.py FOLDER, then feast apply.",
        )
    return found

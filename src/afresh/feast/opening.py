"""From what feature_store.yaml says of a store to the plan and the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from afresh.features.plan import Plan
from afresh.loading import load
from afresh.settings import Settings, load_settings


def plan_and_settings(repository: Path | None, app: str, **given: Any) -> tuple[Plan, Settings]:
    """The plan of the definition file `app`, relative to the repository, and the settings in
    force for it; `given` goes before them. Raises AfreshError, with file and line."""
    file = (repository or Path()) / app
    return load(file).plan(), load_settings(file, **given)

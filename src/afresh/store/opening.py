"""Opening the store that the settings name."""

from __future__ import annotations

from afresh.errors import AfreshError
from afresh.settings import Settings
from afresh.store.redis import Access, RedisStore


def open_store(settings: Settings) -> RedisStore:
    """Raises AfreshError when none is named or its address is none, and MissingDependency."""
    if settings.store is None:
        raise AfreshError(
            "No store is named.", hint="Set `store` (AFRESH_STORE=redis://host:6379/0)."
        )
    try:
        password = settings.secret("store_password")
    except ValueError as error:
        hint = "Check the file, or set store_password."
        raise AfreshError(f"Settings: {error}", hint=hint) from error
    return RedisStore(
        Access(
            settings.store,
            password,
            settings.store_ca_file,
            settings.store_cluster,
            settings.store_timeout,
        )
    )

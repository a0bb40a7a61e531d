"""A connection: the database of a process, opened when it is first needed, and again if need be."""

from __future__ import annotations

import threading

from afresh.errors import AfreshError
from afresh.settings import Settings
from afresh.vectors.databases import Access, VectorDatabase
from afresh.vectors.databases.address import scheme_of
from afresh.vectors.databases.connect import connect


def vectors_of(settings: Settings) -> Connection:
    """The vector database that the settings name. Raises AfreshError when they name none."""
    if settings.vectors is None:
        hint = "Set `vectors` (AFRESH_VECTORS=qdrant://host:6333)."
        raise AfreshError("No vector database is named.", hint=hint)
    try:
        key = settings.secret("vectors_key")
    except ValueError as error:
        hint = "Check the file, or set vectors_key."
        raise AfreshError(f"Settings: {error}", hint=hint) from error
    return Connection(Access(settings.vectors, key, settings.vectors_ca_file))


class Connection:
    """Raises AfreshError for an address that is none; nothing is opened yet."""

    def __init__(self, access: Access) -> None:
        scheme_of(access.url)
        self.access = access
        self._database: VectorDatabase | None = None
        self._lock = threading.Lock()

    def database(self) -> VectorDatabase:
        """The database. Raises MissingDependency, and Unavailable where nobody answers."""
        with self._lock:
            if self._database is None:
                self._database = connect(self.access)
            return self._database

    def close(self) -> None:
        with self._lock:
            database, self._database = self._database, None
        if database is not None:
            database.close()

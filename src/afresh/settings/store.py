"""Settings of the store of entity values."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field, SecretStr

from afresh.measures import Duration, written


class StoreSettings(BaseModel):
    """Where entity values are kept beyond this process, and how they are reached."""

    store: str | None = Field(
        None,
        description="Where a server keeps entity values for others to read: "
        "`redis://user@host:6379/0`, `rediss://…` with TLS, `unix:///path`. None: nowhere.",
    )
    store_write: bool = Field(
        True, description="Whether a server that folds events writes into `store`."
    )
    store_password: SecretStr | None = Field(None, description="The password of the store's user.")
    store_password_file: Path | None = Field(
        None, description="A file that holds the store's password, for secret mounts."
    )
    store_ca_file: Path | None = Field(
        None,
        description="A file with the certificates to trust with `rediss://`; none: the system's.",
    )
    store_cluster: bool = Field(False, description="Whether the store is a cluster.")
    store_prefix: str = Field(
        "afresh", min_length=1, max_length=64, description="How every key in the store begins."
    )
    store_timeout: Duration = Field(
        written("500ms"),
        ge=10,
        description="How long the store may take; beyond it a read is refused (503), and what "
        "was to be written waits.",
    )

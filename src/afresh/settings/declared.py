"""Every setting: typed, documented, from a TOML file, the environment or the command line.

A duration is written `"24h"`, `"7d"`, `"30s"` and is kept in milliseconds; a size is written
`"16MiB"` and is kept in bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from afresh.measures import Duration, Size, names, written
from afresh.settings.intake import Intake
from afresh.settings.store import StoreSettings
from afresh.settings.vectors import VectorSettings

PREFIX = "AFRESH_"


class Settings(VectorSettings, StoreSettings, BaseSettings):
    """What can be set, and where.

    The command line wins over the environment (`AFRESH_PORT=9000`), which wins over the file
    `afresh.toml` beside the definition (or the one named by `--config`), which wins over the
    defaults. A setting that does not exist is an error that names the nearest one.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, validate_default=True, env_ignore_empty=True
    )

    data: Path = Field(
        Path("afresh-data"), description="The one folder that holds the log and the snapshots."
    )

    log: str = Field(
        "",
        description="Where events are made durable. Empty: in the data folder. "
        "`kafka://host:9092/prefix` (TLS: `kafka+ssl://`): in Kafka topics that servers share; the "
        "data folder then holds a mirror of them.",
    )
    kafka_user: str = Field("", description="The user to log in as at the brokers (SASL/SCRAM).")
    kafka_password: SecretStr | None = Field(None, description="Its password.")
    kafka_password_file: Path | None = Field(
        None, description="A file that holds the password, for secret mounts."
    )
    kafka_mechanism: Literal["SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How the password is proven."
    )
    kafka_ca_file: Path | None = Field(
        None, description="The authorities in PEM that vouch for the brokers; none: the system's."
    )
    kafka_options: dict[str, str | int | bool] = Field(
        {}, description="More settings of the client, by the names that librdkafka gives them."
    )
    kafka_generation: int = Field(
        1, ge=1, description="Which generation of the topic of events is used: see `afresh kafka`."
    )

    intake: tuple[Intake, ...] = Field(
        (),
        description="Topics of your own to take events from, a table `[[intake]]` each; they are "
        "never written.",
    )

    host: str = Field(
        "127.0.0.1",
        description="The address to listen on. Beyond this machine only with an API key.",
    )
    port: int = Field(8000, ge=0, le=65535, description="The port; 0 takes a free one.")
    workers: int = Field(
        1, ge=1, le=64, description="How many processes answer; one of them writes the log."
    )
    api_key: SecretStr | None = Field(
        None, description="What callers must send (`Authorization: Bearer …` or `X-Api-Key`)."
    )
    api_key_file: Path | None = Field(
        None, description="A file that holds the API key, for secret mounts."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(names)] = Field(
        (),
        description="Web origins whose pages may call the server, or `*`. None at first: "
        "any page open in a browser on this machine could otherwise read and write the log.",
    )

    site: Path | None = Field(
        None,
        description="A folder whose `index.html` is served at `/` with the files beside it, or a "
        "page in a folder. Nobody needs a key to load them.",
    )

    max_body_bytes: Size = Field(
        written("16MiB"), ge=1024, description="The largest request body, after decompression too."
    )
    max_request_events: int = Field(100_000, ge=1, description="The most events in one request.")
    max_request_entities: int = Field(
        10_000, ge=1, description="The most entities of one features request."
    )
    request_timeout: Duration = Field(
        written("30s"), ge=100, description="How long a client may take to send a request."
    )
    keep_alive: Duration = Field(
        written("75s"), ge=1000, description="How long an idle connection stays open."
    )
    max_connections: int = Field(12_000, ge=1, description="The most connections at a time.")
    shutdown_timeout: Duration = Field(
        written("10s"),
        ge=0,
        description="How long requests in flight may take after a signal to stop.",
    )

    live_listeners: int = Field(
        10_000,
        ge=0,
        description="The most lists held open by `GET /v1/live`; each is a connection too.",
    )
    live_max_per_second: float = Field(
        4.0, gt=0, le=1000, description="The most times a second that one open list is sent anew."
    )
    live_refresh: Duration = Field(
        written("10s"),
        ge=100,
        description="An open list is computed again after so long, besides after each event of "
        "its own user or session.",
    )

    queue_events: int = Field(
        200_000,
        ge=1,
        description="The most events waiting to be written; above it requests get 429.",
    )
    group_events: int = Field(
        4096,
        ge=1,
        description="The most events written to disk in one commit; answers wait while they "
        "are folded, about a millisecond for each thousand.",
    )
    admission_horizon: Duration = Field(
        written("24h"),
        ge=0,
        description="How old a live event may be; older ones go to the late stream.",
    )

    learn_per_second: int = Field(
        20,
        ge=0,
        le=1000,
        description="The most actions a second that a learned blend learns from, each about a "
        "millisecond of reading; 0 leaves the weights as they are.",
    )
    vectors_every: Duration = Field(
        written("6h"),
        ge=0,
        description="How old item vectors learned from visits may get before they are fitted "
        "again, where a surface has the source `embeddings`; 0 fits none.",
    )
    request_budget: Duration = Field(
        written("200ms"),
        ge=1,
        description="What the sources of one request have together; those whose turn comes later "
        "are left out and named in `degraded`.",
    )
    traces_kept: int = Field(
        50_000,
        ge=0,
        description="How many answers `GET /v1/explain/{request_id}` remembers, about 2 KB each.",
    )

    traces_share: float = Field(
        1.0,
        ge=0,
        le=1,
        description="The share of answers that is remembered, chosen by their request ids: for "
        "impressions that reach further back in the same room.",
    )

    log_retention_age: Duration | None = Field(
        None,
        description="Events that arrived longer ago are dropped from the log, once no feature can "
        "read them; none keeps all.",
    )
    log_max_bytes: Size | None = Field(
        None,
        description="Above this size the oldest events are dropped from the log; when that "
        "would touch what a feature can still read, events are refused instead (507).",
    )
    state_memory: Size | None = Field(
        None,
        description="How much of the state may be resident; beyond it, what nobody asks for lies "
        "in files in the data folder, and no value changes. Needs Linux. None: all of it.",
    )
    snapshot_every_events: int = Field(
        1_000_000, ge=1, description="A snapshot is taken after this many events …"
    )
    snapshot_every_seconds: int = Field(
        300, ge=1, description="… or after this many seconds in which something changed."
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe messages that are printed."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="`json` is one object a line; `auto` is `console` on a terminal."
    )
    access_log: float = Field(
        0.0, ge=0, le=1, description="The share of requests that is logged, from 0 to 1."
    )

    @model_validator(mode="after")
    def _key(self) -> Settings:
        if self.key() == "":
            raise ValueError("api_key is empty")
        return self

    def key(self) -> str | None:
        """The API key, from the setting or its file; None when callers need none."""
        return self.secret("api_key")

    def secret(self, name: str) -> str | None:
        """What one of the secret settings says, itself or by its file; None: nothing."""
        said, file = getattr(self, name), getattr(self, f"{name}_file")
        if said is not None:
            return str(said.get_secret_value())
        if file is None:
            return None
        try:
            return str(file.read_text(encoding="utf-8")).strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{name}_file cannot be read: {error}") from error

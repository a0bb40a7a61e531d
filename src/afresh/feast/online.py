"""The online store of a Feast repository: values as of now, from the store that a server writes.

All feature views of one request are read in one round trip; a second one follows where users have
linked sessions. Nothing is materialised: a value is computed when it is asked for, from facts that
the server wrote when the event came.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from feast import FeatureView, RepoConfig
from feast.infra.online_stores.online_store import OnlineStore
from feast.repo_config import FeastConfigBaseModel

from afresh.client import Client
from afresh.errors import AfreshError, BadRequest
from afresh.feast.columns import Column, columns
from afresh.feast.declared import EVENTS
from afresh.feast.messages import parsed, vector
from afresh.feast.opening import features_named, plan_and_settings
from afresh.feast.pushed import push
from afresh.features.plan import Feature
from afresh.settings import Settings
from afresh.store.opening import open_store
from afresh.store.stored import Asked, Stored


class AfreshOnlineStoreConfig(FeastConfigBaseModel):  # type: ignore[misc]
    """app: the definition file, from the repository; store and server: go before the settings that
    stand beside it (afresh.toml, the environment)."""

    type: Literal["afresh.feast.online.AfreshOnlineStore"] = "afresh.feast.online.AfreshOnlineStore"
    app: str
    store: str | None = None
    server: str = "http://127.0.0.1:8000"


class Wanted(NamedTuple):
    """Of one view: the entities, as often as they are asked for, and the features of them."""

    key: str
    names: tuple[str, ...]
    features: Sequence[Feature]


class AfreshOnlineStore(OnlineStore):  # type: ignore[misc]
    """Feast's interface over `Stored`. Errors are AfreshErrors, with a hint."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened: tuple[Stored, Settings] | None = None

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[Any],
        requested_features: list[str] | None = None,
    ) -> list[tuple[datetime | None, dict[str, Any] | None]]:
        """A row an entity: when it was computed, and each feature's value."""
        stored, _ = self._open(config)
        features = requested_features or [field.name for field in table.features]
        values: dict[str, list[Any]] = {key.join_keys[0]: [] for key in entity_keys[:1]}
        for key in entity_keys:
            values[key.join_keys[0]].append(key.entity_values[0])
        if not values:
            return []
        ((made, now),) = self._read(stored, [self._wanted(stored, table, values, {}, features)])
        moment = datetime.fromtimestamp(now / 1000, UTC)
        rows = zip(*(parsed(column, now).values for column in made), strict=True)
        return [(moment, dict(zip(features, row, strict=True))) for row in rows]

    def _read_features_per_fv(
        self,
        config: RepoConfig,
        grouped_refs: Sequence[tuple[FeatureView, list[str]]],
        join_key_values: Mapping[str, Sequence[Any]],
        entity_name_to_join_key_map: Mapping[str, str],
        online_features_response: Any,
        full_feature_names: bool,
        include_feature_view_version_metadata: bool,
    ) -> None:
        """What Feast offers to stores that can read several views at once."""
        stored, _ = self._open(config)
        wanted = [
            self._wanted(stored, table, join_key_values, table.projection.join_key_map, features)
            for table, features in grouped_refs
        ]
        said = online_features_response.metadata
        for (table, features), (made, now) in zip(
            grouped_refs, self._read(stored, wanted), strict=True
        ):
            prefix = f"{table.projection.name_to_use()}__" if full_feature_names else ""
            said.feature_names.val.extend(prefix + feature for feature in features)
            for column in made:
                online_features_response.results.add().MergeFromString(vector(column, now))
            if include_feature_view_version_metadata:
                version = getattr(table, "current_version_number", 0) or 0
                said.feature_view_metadata.add(name=table.projection.name, version=version)

    def _wanted(
        self, stored: Stored, table: FeatureView, values: Mapping[str, Sequence[Any]],
        aliases: Mapping[str, str], features: Sequence[str],
    ) -> Wanted:  # fmt: skip
        """aliases: by which other name a request gives a key."""
        if table.projection.name == EVENTS:
            raise BadRequest(
                "Events are pushed, and not read back.", hint="Ask for a view of features."
            )
        (key,) = [column.name for column in table.entity_columns]
        try:
            given = values[aliases.get(key, key)]
        except KeyError:
            text = f"The view {table.projection.name} needs {key!r} of each row."
            raise BadRequest(text, hint=f"Add {key!r} to entity_rows.") from None
        names = tuple(each.string_val for each in given)
        return Wanted(key, names, features_named(stored.plan, key, features))

    def _read(self, stored: Stored, wanted: Sequence[Wanted]) -> list[tuple[list[Column], int]]:
        """The columns of each view and their moment, UTC ms; all in one question to the store."""
        groups: dict[tuple[str, tuple[str, ...]], dict[str, Feature]] = {}
        for key, names, features in wanted:
            groups.setdefault((key, names), {}).update((f.name, f) for f in features)
        asked = [Asked(*group, list(features.values())) for group, features in groups.items()]
        made = {}
        for group, mine, found in zip(groups, asked, stored.find(asked), strict=True):
            read = columns(stored.reader(found), *group, mine.features, found.now)
            made[group] = {column.feature.name: column for column in read}, found.now
        out = []
        for key, names, features in wanted:
            by_name, now = made[key, names]
            out.append(([by_name[feature.name] for feature in features], now))
        return out

    def online_write_batch(
        self,
        config: RepoConfig,
        table: FeatureView,
        data: list[tuple[Any, dict[str, Any], datetime, datetime | None]],
        progress: Callable[[int], Any] | None,
    ) -> None:
        """Send pushed events to the server. Values cannot be written: they come from events."""
        if table.name != EVENTS:
            raise AfreshError(
                f"The values of {table.name} come from events; nothing is written or materialised.",
                hint=f'Push what happened: store.push("{EVENTS}", rows).',
            )
        _, settings = self._open(config)
        with Client(config.online_store.server, key=settings.key()) as client:
            push(client, data)
        if progress is not None:
            progress(len(data))

    def update(
        self,
        config: RepoConfig,
        tables_to_delete: Sequence[FeatureView],
        tables_to_keep: Sequence[FeatureView],
        entities_to_delete: Sequence[Any],
        entities_to_keep: Sequence[Any],
        partial: bool,
    ) -> None:
        """`feast apply`: nothing is to be made, but the views must be those of the definition."""
        plan, _ = plan_and_settings(config.repo_path, config.online_store.app)
        known = {feature.name for feature in plan.features}
        for table in tables_to_keep:
            lacks = sorted({field.name for field in table.features} - known)
            if table.name != EVENTS and lacks:
                raise AfreshError(
                    f"The definition has no feature {lacks[0]!r}, of the view {table.name}.",
                    hint="Write the repository anew: afresh feast init APP.py FOLDER",
                )

    def teardown(
        self, config: RepoConfig, tables: Sequence[FeatureView], entities: Sequence[Any]
    ) -> None:
        """The store's values are the server's; only our connection goes."""
        with self._lock:
            if self._opened is not None:
                self._opened[0].store.close()
                self._opened = None

    def _open(self, config: RepoConfig) -> tuple[Stored, Settings]:
        with self._lock:
            if self._opened is None:
                told = config.online_store
                plan, settings = plan_and_settings(config.repo_path, told.app, store=told.store)
                store = open_store(settings)
                self._opened = Stored(plan, store, settings.store_prefix), settings
            return self._opened

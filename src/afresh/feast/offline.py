"""The offline store of a Feast repository: values as of any moment, from the log.

A file of values cannot be exact, since values change between events as windows move on; so rows
are computed when they are asked for, as `afresh features --as-of` computes them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np
import pandas as pd
import pyarrow as pa
from feast import FeatureView, OnDemandFeatureView, RepoConfig, utils
from feast.infra.offline_stores.offline_store import OfflineStore, RetrievalJob, RetrievalMetadata
from feast.repo_config import FeastConfigBaseModel
from numpy.typing import NDArray

from afresh.errors import AfreshError, BadRequest
from afresh.feast.declared import EVENTS
from afresh.feast.history import Rows, history
from afresh.feast.opening import features_named, plan_and_settings
from afresh.feast.source import TIMESTAMP
from afresh.log.sqlite import SqliteLog

_NO_TABLE = (
    "There is no table of values, and nothing to materialize",
    "Online values are live as they are; get_historical_features has rows of the past.",
)


class AfreshOfflineStoreConfig(FeastConfigBaseModel):  # type: ignore[misc]
    """app: the definition file; data: the folder with the log, which a server may use meanwhile.
    Both from the repository; without `data`, the settings beside the definition say where."""

    type: Literal["afresh.feast.offline.AfreshOfflineStore"] = (
        "afresh.feast.offline.AfreshOfflineStore"
    )
    app: str
    data: str | None = None


class AfreshRetrievalJob(RetrievalJob):  # type: ignore[misc]
    """Point-in-time rows, computed when somebody wants to see them."""

    def __init__(
        self, compute: Callable[[], pa.Table], full_feature_names: bool,
        on_demand: Sequence[OnDemandFeatureView], metadata: RetrievalMetadata,
    ) -> None:  # fmt: skip
        self._compute = compute
        self._full_feature_names = full_feature_names
        self._on_demand, self._metadata = list(on_demand), metadata

    @property
    def full_feature_names(self) -> bool:
        return self._full_feature_names

    @property
    def on_demand_feature_views(self) -> list[OnDemandFeatureView]:
        return self._on_demand

    @property
    def metadata(self) -> RetrievalMetadata:
        return self._metadata

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        return self._compute()

    def to_df(self, validation_reference: Any = None, timeout: int | None = None) -> pd.DataFrame:
        """Feast's own would make a list of pairs of each map."""
        table = self.to_arrow(validation_reference=validation_reference, timeout=timeout)
        return table.to_pandas(maps_as_pydicts="strict")


class AfreshOfflineStore(OfflineStore):  # type: ignore[misc]
    """Feast's interface over the log. Errors are AfreshErrors, with a hint."""

    @staticmethod
    def get_historical_features(
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: Any,
        registry: Any,
        project: str,
        full_feature_names: bool = False,
        **unknown: Any,
    ) -> RetrievalJob:
        """The entity rows with the features of each beside them, in their order: what happened
        before a row's time counts, and nothing that happened at it or later."""
        if not isinstance(entity_df, pd.DataFrame) or TIMESTAMP not in entity_df:
            raise BadRequest(
                f"entity_df must be a pandas DataFrame with the column {TIMESTAMP!r}.",
                hint="Say of whom and as of when each row is to be.",
            )
        wanted, on_demand = utils._get_requested_feature_views_to_features_dict(
            feature_refs,
            feature_views,
            utils._get_requested_on_demand_feature_views(feature_refs, project, registry),
        )
        times = pd.to_datetime(entity_df[TIMESTAMP], utc=True)
        keys = [column for column in entity_df.columns if column != TIMESTAMP]
        metadata = RetrievalMetadata(list(feature_refs), keys, times.min(), times.max())

        def compute() -> pa.Table:
            return _joined(config, entity_df, _milliseconds(times), wanted, full_feature_names)

        return AfreshRetrievalJob(compute, full_feature_names, list(on_demand), metadata)

    @staticmethod
    def pull_latest_from_table_or_query(
        config: RepoConfig, data_source: Any, join_key_columns: list[str],
        feature_name_columns: list[str], timestamp_field: str,
        created_timestamp_column: str | None, start_date: datetime, end_date: datetime,
    ) -> RetrievalJob:  # fmt: skip
        _refuse(*_NO_TABLE)

    @staticmethod
    def pull_all_from_table_or_query(
        config: RepoConfig, data_source: Any, join_key_columns: list[str],
        feature_name_columns: list[str], timestamp_field: str,
        created_timestamp_column: str | None = None, start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> RetrievalJob:  # fmt: skip
        _refuse(*_NO_TABLE)

    @staticmethod
    def offline_write_batch(
        config: RepoConfig, feature_view: FeatureView, table: pa.Table,
        progress: Callable[[int], Any] | None,
    ) -> None:  # fmt: skip
        _refuse(
            "Values come from events, so none are written",
            f'Push what happened: store.push("{EVENTS}", rows); history has it then.',
        )

    @staticmethod
    def write_logged_features(
        config: RepoConfig, data: pa.Table | Path, source: Any, logging_config: Any, registry: Any
    ) -> None:
        _refuse("Served features are not kept here", "Impressions are: see `afresh train`.")


def _refuse(text: str, hint: str) -> NoReturn:
    raise AfreshError(f"{text}.", hint=hint)


def _joined(
    config: RepoConfig, entity_df: pd.DataFrame, moments: NDArray[np.int64],
    wanted: dict[FeatureView, list[str]], full_feature_names: bool,
) -> pa.Table:  # fmt: skip
    told = config.offline_store
    folder = None if told.data is None else (config.repo_path or Path()) / told.data
    plan, settings = plan_and_settings(config.repo_path, told.app, data=folder)
    table = pa.Table.from_pandas(entity_df, preserve_index=False)
    log = SqliteLog(settings.data, app=plan.app, readonly=True)
    try:
        for view, names in wanted.items():
            (key,) = [column.name for column in view.entity_columns]
            ids = _ids(entity_df, view.projection.join_key_map.get(key, key))
            rows = Rows(key, ids, moments, features_named(plan, key, names))
            prefix = f"{view.projection.name_to_use()}__" if full_feature_names else ""
            for name, column in zip(names, history(plan, log, rows), strict=True):
                table = table.append_column(prefix + name, column)
    finally:
        log.close()
    return table


def _ids(entity_df: pd.DataFrame, column: str) -> list[str]:
    if column not in entity_df:
        raise BadRequest(f"entity_df has no column {column!r}.", hint="Its ids are to be text.")
    ids: list[str] = entity_df[column].tolist()
    if not all(isinstance(each, str) for each in ids):
        raise BadRequest(f"The column {column!r} holds other than text.", hint="Use astype(str).")
    return ids


def _milliseconds(times: pd.Series) -> NDArray[np.int64]:
    """UTC ms; what lies within a millisecond is rounded up, so that nothing later counts and
    nothing earlier is left out."""
    ns: NDArray[np.int64] = times.astype("datetime64[ns, UTC]").astype(np.int64).to_numpy()
    return -(-ns // 1_000_000)

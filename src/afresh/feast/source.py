"""The data source of our feature views in Feast: the log of the app, which both stores know."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from feast import RepoConfig, ValueType
from feast.data_source import DataSource
from feast.protos.feast.core.DataSource_pb2 import DataSource as DataSourceProto

TIMESTAMP = "event_timestamp"


class AfreshSource(DataSource):  # type: ignore[misc]
    """Says nothing but a name: where the log is, the offline store knows."""

    def __init__(self, *, name: str) -> None:
        super().__init__(name=name, timestamp_field=TIMESTAMP)

    @staticmethod
    def from_proto(data_source: Any) -> AfreshSource:
        return AfreshSource(name=data_source.name)

    def _to_proto_impl(self) -> Any:
        return DataSourceProto(
            name=self.name,
            type=DataSourceProto.CUSTOM_SOURCE,
            data_source_class_type=f"{AfreshSource.__module__}.{AfreshSource.__name__}",
            timestamp_field=self.timestamp_field,
        )

    def source_type(self) -> Any:
        return DataSourceProto.CUSTOM_SOURCE

    def validate(self, config: RepoConfig) -> None:
        """Whether the definition can be had is found out by the online store's `update`."""

    @staticmethod
    def source_datatype_to_feast_value_type() -> Callable[[str], ValueType]:
        return lambda name: ValueType[name]

    def get_table_column_names_and_types(self, config: RepoConfig) -> Iterable[tuple[str, str]]:
        """Views name all their columns, so nothing is inferred from a source."""
        return []

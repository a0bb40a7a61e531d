"""Amazon SageMaker Feature Store, through boto3: a feature group for each Features class.

Written against the client's own model of the API, and not run against the service.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from afresh.errors import AfreshError, MissingDependency, Unavailable
from afresh.feast.types import number_type
from afresh.feature_stores import Row
from afresh.features.plan import Feature, Plan
from afresh.features.reading import features_of

TIME = "event_time"
WRITTEN, READ = 25, 100
"""The most records of one call."""
TRIES = 5
"""How often what a call left undone is asked for again."""
_NAME = re.compile(r"[a-zA-Z0-9]([-_]*[a-zA-Z0-9]){0,63}")
_TAKEN = ("is_deleted", "write_time", "api_invocation_time", TIME)


class SageMaker:
    """A FeatureStore; numbers are Integral and Fractional, lists and splits are text in JSON.

    made: what else is said when a group is made, as CreateFeatureGroup takes it (OfflineStoreConfig
    with its RoleArn, OnlineStoreConfig with a key). Region and credentials are boto3's.
    """

    def __init__(self, plan: Plan, *, region: str | None = None, **made: Any) -> None:
        boto3 = _library()
        self.plan, self._made = plan, {"OnlineStoreConfig": {"EnableOnlineStore": True}, **made}
        self.control = boto3.client("sagemaker", region_name=region)
        self.runtime = boto3.client("sagemaker-featurestore-runtime", region_name=region)
        self.groups: dict[tuple[str, str], list[Feature]] = {}
        for feature in plan.features:
            self.groups.setdefault((feature.key, feature.group), []).append(feature)
        _check([name for features in self.groups.values() for name in _names(features)])
        _check([self.group_name(group) for _, group in self.groups])

    def group_name(self, group: str) -> str:
        """What the group of a Features class is called."""
        return f"{self.plan.app}-{group}"

    def declare(self) -> list[str]:
        new = []
        for (key, group), features in self.groups.items():
            defined = [(key, "String"), (TIME, "String"), *((f.name, _type(f)) for f in features)]
            try:
                with _translated():
                    self.control.create_feature_group(
                        FeatureGroupName=self.group_name(group),
                        RecordIdentifierFeatureName=_column(key),
                        EventTimeFeatureName=TIME,
                        FeatureDefinitions=[
                            {"FeatureName": _column(name), "FeatureType": kind}
                            for name, kind in defined
                        ],
                        **self._made,
                    )
            except self.control.exceptions.ResourceInUse:
                continue
            new.append(self.group_name(group))
        return new

    def push(self, key: str, rows: Sequence[Row], moment: int) -> None:
        features_of(self.plan, key, None)  # whether there are any
        at = datetime.fromtimestamp(moment / 1000, UTC).isoformat(timespec="milliseconds")
        said = at.replace("+00:00", "Z")
        entries = [
            {"FeatureGroupName": self.group_name(group), "Record": _record(key, said, row, mine)}
            for (held, group), mine in self.groups.items()
            if held == key
            for row in rows
        ]
        for first in range(0, len(entries), WRITTEN):
            self._write(entries[first : first + WRITTEN])

    def read(self, key: str, names: Sequence[str]) -> list[Row | None]:
        features = {feature.name: feature for feature in features_of(self.plan, key, None)}
        groups = [self.group_name(group) for held, group in self.groups if held == key]
        found: dict[str, dict[str, Any]] = {}
        wanted = list(dict.fromkeys(names))
        for group in groups:
            for first in range(0, len(wanted), READ):
                for name, record in self._get(group, wanted[first : first + READ]):
                    row = found.setdefault(name, {key: name, **dict.fromkeys(features)})
                    for value in record:
                        if value["FeatureName"] in features:
                            feature = features[value["FeatureName"]]
                            row[feature.name] = json.loads(value["ValueAsString"])
        return [found.get(name) for name in names]

    def _write(self, entries: list[dict[str, Any]]) -> None:
        for _ in range(TRIES):
            with _translated():
                said = self.runtime.batch_write_record(Entries=entries)
            if said["Errors"]:
                error = said["Errors"][0]
                raise _refused(f"{error['ErrorCode']}: {error['ErrorMessage']}")
            entries = said["UnprocessedEntries"]
            if not entries:
                return
        raise _refused(f"{len(entries)} records stay unprocessed")

    def _get(self, group: str, names: list[str]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        asked = [{"FeatureGroupName": group, "RecordIdentifiersValueAsString": names}]
        for _ in range(TRIES):
            with _translated():
                said = self.runtime.batch_get_record(Identifiers=asked)
            if said["Errors"]:
                error = said["Errors"][0]
                raise _refused(f"{error['ErrorCode']}: {error['ErrorMessage']}")
            for record in said["Records"]:
                yield record["RecordIdentifierValueAsString"], record["Record"]
            asked = said["UnprocessedIdentifiers"]
            if not asked:
                return
        raise _refused("some records stay unprocessed")


def _record(key: str, moment: str, row: Row, features: Sequence[Feature]) -> list[dict[str, str]]:
    """Null is left out, as a record without a value."""
    said = {_column(key): str(row[key]), TIME: moment}
    for feature in features:
        value = row[feature.name]
        if value is not None:
            said[feature.name] = json.dumps(value, ensure_ascii=False)
    return [{"FeatureName": name, "ValueAsString": value} for name, value in said.items()]


def _type(feature: Feature) -> str:
    if not feature.is_number:
        return "String"
    return "Integral" if number_type(feature) == "Int64" else "Fractional"


def _column(key: str) -> str:
    """A key as a feature's name: `item.category` has a dot, which none may have."""
    return key.replace(".", "_")


def _names(features: Sequence[Feature]) -> list[str]:
    return [_column(features[0].key), *(feature.name for feature in features)]


def _check(names: Sequence[str]) -> None:
    for name in names:
        if not _NAME.fullmatch(name) or name in _TAKEN:
            raise AfreshError(
                f"SageMaker takes no name {name!r}.",
                hint="Up to 64 letters, digits, - and _, and a letter or digit at both ends.",
            )


@contextmanager
def _translated() -> Iterator[None]:
    """The client's errors in words for a person; that a group is there already is no error."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceInUse":
            raise
        raise _refused(str(error)) from error
    except BotoCoreError as error:
        raise _refused(str(error)) from error


def _refused(text: str) -> Unavailable:
    hint = "Check region, credentials and the role's rights. What was sent may be sent again."
    return Unavailable(f"SageMaker Feature Store: {text}", hint=hint)


def _library() -> Any:
    try:
        import boto3
    except ImportError as error:
        raise MissingDependency(
            "SageMaker Feature Store needs the package boto3, which is not installed.",
            hint="Install it with the extra `sagemaker`: pip install 'afresh[sagemaker]'.",
        ) from error
    return boto3

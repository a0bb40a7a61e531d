"""What SageMaker is asked, checked by boto3 against its own model of the API.

Run by the Python of `python -m engines install feast`, which has boto3. The stubs of botocore stand
where the service would: they validate each request and each answer, and expect just these calls.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from botocore.stub import Stubber
from refusals import refused

from afresh.errors import AfreshError
from afresh.feature_stores import FeatureStore
from afresh.feature_stores.sagemaker import SageMaker
from afresh.loading import load

ROOT = Path(__file__).parents[2]
SHOP, EVERYTHING = ROOT / "examples" / "shop.py", ROOT / "tests" / "everything.py"
NOW, SAID = 1_790_000_000_123, "2026-09-21T14:13:20.123Z"
GROUP = "shop-UserNow"
ROW = {
    "user_id": "u1",
    "recent": ["i2", "i\u00e9"],
    "categories": {"shoes": 1.5, "": 1},
    "spend": 250,
    "cheapest": None,
    "dearest": None,
    "price_bands": {},
}
RECORD = [
    {"FeatureName": "user_id", "ValueAsString": "u1"},
    {"FeatureName": "event_time", "ValueAsString": SAID},
    {"FeatureName": "recent", "ValueAsString": '["i2", "i\u00e9"]'},
    {"FeatureName": "categories", "ValueAsString": '{"shoes": 1.5, "": 1}'},
    {"FeatureName": "spend", "ValueAsString": "250"},
    {"FeatureName": "price_bands", "ValueAsString": "{}"},
]
ENTRY = {"FeatureGroupName": GROUP, "Record": RECORD}
DONE: dict[str, Any] = {"Errors": [], "UnprocessedEntries": []}


def opened() -> tuple[SageMaker, Stubber, Stubber]:
    made = SageMaker(load(SHOP).plan(), region="eu-west-1")
    control, runtime = Stubber(made.control), Stubber(made.runtime)
    control.activate()
    runtime.activate()
    return made, control, runtime


def groups_are_made_unless_they_are_there() -> None:
    made, control, _ = opened()
    types = {"user_id": "String", "event_time": "String", "recent": "String"}
    types |= {"categories": "String", "spend": "Integral", "cheapest": "Integral"}
    types |= {"dearest": "Integral", "price_bands": "String"}
    control.add_client_error("create_feature_group", "ResourceInUse", "It is there.")
    control.add_response(
        "create_feature_group",
        {"FeatureGroupArn": "arn:aws:sagemaker:eu-west-1:123456789012:feature-group/g"},
        {
            "FeatureGroupName": GROUP,
            "RecordIdentifierFeatureName": "user_id",
            "EventTimeFeatureName": "event_time",
            "FeatureDefinitions": [
                {"FeatureName": name, "FeatureType": kind} for name, kind in types.items()
            ],
            "OnlineStoreConfig": {"EnableOnlineStore": True},
        },
    )
    assert made.declare() == [GROUP]
    control.assert_no_pending_responses()
    control.add_client_error("create_feature_group", "AccessDenied", "You may not.")
    refused(made.declare, "You may not.")


def rows_are_written_and_what_was_left_undone_again() -> None:
    made, _, runtime = opened()
    left = DONE | {"UnprocessedEntries": [ENTRY]}
    runtime.add_response("batch_write_record", left, {"Entries": [ENTRY]})
    runtime.add_response("batch_write_record", DONE, {"Entries": [ENTRY]})
    made.push("user_id", [ROW], NOW)
    for size in (25, 1):
        runtime.add_response("batch_write_record", DONE, {"Entries": [ENTRY] * size})
    made.push("user_id", [ROW] * 26, NOW)
    runtime.assert_no_pending_responses()


def what_is_refused_is_said() -> None:
    made, _, runtime = opened()
    error = {"Entry": ENTRY, "ErrorCode": "ValidationError", "ErrorMessage": "too large"}
    runtime.add_response("batch_write_record", DONE | {"Errors": [error]})
    refused(lambda: made.push("user_id", [ROW], NOW), "ValidationError: too large")
    runtime.add_client_error("batch_write_record", "ServiceUnavailable", "busy")
    refused(lambda: made.push("user_id", [ROW], NOW), "busy")
    for _ in range(5):
        runtime.add_response("batch_write_record", DONE | {"UnprocessedEntries": [ENTRY]})
    refused(lambda: made.push("user_id", [ROW], NOW), "1 records stay unprocessed")


def rows_are_read_back_as_they_were() -> None:
    made, _, runtime = opened()
    names = ["none", "u1"]
    asked = {"FeatureGroupName": GROUP, "RecordIdentifiersValueAsString": names}
    held = {"FeatureGroupName": GROUP, "RecordIdentifierValueAsString": "u1", "Record": RECORD}
    later = asked | {"RecordIdentifiersValueAsString": ["u1"]}
    first = {"Records": [], "Errors": [], "UnprocessedIdentifiers": [later]}
    runtime.add_response("batch_get_record", first, {"Identifiers": [asked]})
    second = first | {"Records": [held], "UnprocessedIdentifiers": []}
    runtime.add_response("batch_get_record", second, {"Identifiers": [later]})
    store: FeatureStore = made
    assert store.read("user_id", [*names, "u1"]) == [None, ROW, ROW]
    runtime.assert_no_pending_responses()


def names_that_none_may_have_are_refused_at_once() -> None:
    plan = load(EVERYTHING).plan()
    refused(lambda: SageMaker(plan, region="eu-west-1"), "takes no name 'range_'", AfreshError)


if __name__ == "__main__":
    checks = (
        groups_are_made_unless_they_are_there,
        rows_are_written_and_what_was_left_undone_again,
        what_is_refused_is_said,
        rows_are_read_back_as_they_were,
        names_that_none_may_have_are_refused_at_once,
    )
    for check in checks:
        check()
    json.dump([check.__name__ for check in checks], sys.stdout)

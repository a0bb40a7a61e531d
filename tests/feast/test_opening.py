"""A repository that is older than the definition."""

from __future__ import annotations

import pytest
from tests.everything import app

from afresh.errors import BadRequest, NotFound
from afresh.feast.opening import features_named

PLAN = app.plan()


def test_features_of_a_view_are_those_of_its_key_in_its_order() -> None:
    found = features_named(PLAN, "item_id", ["hour", "minute"])
    assert [feature.name for feature in found] == ["hour", "minute"]


def test_a_view_that_the_definition_outgrew_is_refused() -> None:
    with pytest.raises(BadRequest, match="no longer keeps 'recent' by 'item_id'") as told:
        features_named(PLAN, "item_id", ["hour", "recent"])
    assert "feast init" in told.value.hint
    with pytest.raises(NotFound, match="no feature 'gone'"):
        features_named(PLAN, "item_id", ["gone"])

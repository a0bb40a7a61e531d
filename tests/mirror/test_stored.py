"""A server that shares its log writes its state into a store; a reader that holds nothing answers
what was told to another server."""

from __future__ import annotations

from typing import Any

import pytest
from tests.everything import app
from tests.mirrored import Mirrored, until
from tests.opened import event, post
from tests.valkey_server import Server

from afresh.answers import FeatureRows
from afresh.settings import Settings
from afresh.store.opening import open_store
from afresh.stored_answers import StoredAnswers


@pytest.mark.engine
def test_a_token_of_any_server_holds_at_the_reader(mirrored: Mirrored, valkey: Server) -> None:
    where: dict[str, Any] = {
        "store": valkey.url,
        "store_prefix": mirrored.topics.prefix,
        "store_timeout": 20_000,
    }
    writer, other = mirrored("one", **where), mirrored("two")
    reader = StoredAnswers(app.plan(), open_store(Settings(**where)), where["store_prefix"])
    try:
        for at in range(20):
            said = [event(event_id=f"{at}.{i}", user_id=f"u{i}") for i in range(5)]
            token = post(other, *said).offset
            until(lambda token=token: _asked(reader, token).fresh)  # type: ignore[misc]
            found = _asked(reader, token)
            assert found.rows == other.features({"item_id": ["i"]}, ["days", "hour"], None).rows
            assert found.rows[0]["days"] == 5 * (at + 1)
        mirrored.leave("one")
        writer = mirrored("one", **where)  # goes on from what the store has
        token = post(other, event(event_id="last")).offset
        until(lambda: _asked(reader, token).fresh)
        assert _asked(reader, token).rows[0]["days"] == 101
        assert writer.replica.state.events == 101
    finally:
        reader.close()


def _asked(reader: StoredAnswers, token: str) -> FeatureRows:
    return reader.features({"item_id": ["i"]}, ["days", "hour"], None, token)

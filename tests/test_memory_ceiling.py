"""A runtime under a ceiling on memory, across restarts."""

from __future__ import annotations

import pytest
from tests.opened import Opened, check, event, post, put

from afresh.features import room
from afresh.features.room import Room
from afresh.settings import Settings


@pytest.mark.skipif(not Room.is_possible(), reason="only Linux holds a ceiling on memory")
def test_under_a_ceiling_on_memory_the_state_is_the_same(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "SMALL", 1)
    tight = Settings(state_memory=1)
    runtime = opened(settings=tight)
    put(runtime, "i", category="red", price="1.25")
    post(runtime, event(), event(session_id="s", event_type="buy"))
    before = check(runtime)
    assert check(opened(settings=tight)) == before
    assert check(opened()) == before

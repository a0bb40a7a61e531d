"""Who is concerned by events, against a plain search over all listeners."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from afresh.events.batch import EventBatch
from afresh.live.audience import Audience
from afresh.live.listener import Listener
from afresh.surface import Query

NAMES = st.sampled_from(["", "a", "b", "c", "ü"])
PAIRS = st.lists(st.tuples(NAMES, NAMES), max_size=8)


async def nowhere(chunk: bytes) -> None: ...


@given(came=PAIRS, left=st.sets(st.integers(0, 7)), events=PAIRS.filter(bool))
def test_those_concerned_are_found(
    came: list[tuple[str, str]], left: set[int], events: list[tuple[str, str]]
) -> None:
    audience = Audience()
    listeners = [
        Listener(Query(user_id=user or None, session_id=session or None), nowhere, lambda: None)
        for user, session in came
    ]
    for listener in listeners:
        audience.add(listener)
    for at in left:
        if at < len(listeners):
            audience.remove(listeners[at])
            audience.remove(listeners[at])
    n = len(events)
    texts = {
        "user_id": "\0".join(user for user, _ in events).encode(),
        "session_id": "\0".join(session for _, session in events).encode(),
    }
    batch = EventBatch(n, ("view",), np.zeros(n, np.uint8), np.zeros(n, np.int64), texts)
    found = {x for party in audience.concerned(batch) for x in audience.of(party)}
    wanted = {
        listener
        for at, listener in enumerate(listeners)
        if at not in left
        and any(
            (user and user == listener.query.user_id)
            or (session and session == listener.query.session_id)
            for user, session in events
        )
    }
    assert found == wanted

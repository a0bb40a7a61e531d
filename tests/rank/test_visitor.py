"""What the visitor did with an item, in whichever visit, against a plain count."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.train.shops import opened

from afresh import App
from afresh.rank.visitor import idle_minutes, newest_first, with_each
from afresh.request import Query

START = 1_700_000_000_000
Done = tuple[int, str, str, str]
"""A second, a user or "", a session, an item."""


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 30), st.sampled_from(["u", "", "v"]), st.sampled_from("st"),
            st.sampled_from("abc"),
        ),
        max_size=12, unique_by=lambda each: each[0],
    ),
    st.integers(0, 31),
)  # fmt: skip
def test_it_counts_each_event_once(tmp_path_factory: object, done: list[Done], now: int) -> None:
    folder: Path = tmp_path_factory.mktemp("visitor")  # type: ignore[attr-defined]
    app = App("visitor")
    app.event("view")
    runtime = opened(app, folder)
    said = [
        {"event_id": str(n), "event_type": "view", "timestamp": START + 1000 * ts,
         "session_id": session, "item_id": item, **({"user_id": user} if user else {})}
        for n, (ts, user, session, item) in enumerate(done)
    ]  # fmt: skip
    if said:
        assert not runtime.ingest(b"\n".join(map(msgspec.json.encode, said))).rejected
    query = Query(user_id="u", session_id="s")
    with runtime.replica.lock:
        state = runtime.replica.state
        context = runtime.surfaces.context(query, START + 1000 * now)
        facts = newest_first(state, context)
        items = np.append(state.items.find_texts(list("abc")), -1)
        found = with_each(state, context, facts, items).tolist()
        idle = idle_minutes(state, context, facts)
    runtime.close()
    mine = [d for d in sorted(done, reverse=True) if d[0] < now and (d[1] == "u" or d[2] == "s")]
    for item, (times, minutes, since) in zip("abc-", found, strict=True):
        at = [n for n, each in enumerate(mine) if each[3] == item]
        assert times == len(at)
        assert np.isnan(minutes) == np.isnan(since) == (not at)
        if at:
            assert (minutes, since) == ((now - mine[at[0]][0]) / 60, at[0])
    assert np.isnan(idle) if not mine else idle == (now - mine[0][0]) / 60

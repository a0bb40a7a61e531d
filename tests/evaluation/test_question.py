"""A question's context: what the state has folded, and what it has not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.evaluation.histories import START, event, shop, stream_of, walks

from afresh.evaluation.question import Asker, judged_surface
from afresh.evaluation.wanted import Wanted
from afresh.store.replica import Replica


def test_what_is_not_folded_is_known_to_the_request_and_survives_a_sweep(tmp_path: Path) -> None:
    events = walks(20) + [event("me", item, 10_000_000 + at) for at, item in enumerate("abca")]
    stream, app = stream_of(events, tmp_path), shop()
    replica = Replica(app.plan())
    folded = len(stream) - 3  # "a" is in the state; b, c, a are not
    replica.fold_events(stream.stretch(0, folded), folded)
    asker = Asker(judged_surface(app.surfaces, Wanted()), replica, stream, Wanted())
    late = np.arange(folded, len(stream))
    nothing = late[:0]

    def known() -> tuple[list[str], list[str]]:
        context = asker.context(None, "me", nothing, late, START + 10_000_010)
        names = replica.state.items.texts
        return names(context.items), names(context.visit)

    before = known()
    assert before == (["a", "c", "b"], ["a", "c", "b", "a"])
    used = replica.state.facts.used
    assert known() == before
    assert replica.state.facts.used == used  # each is added once
    found = asker(None, "me", asker.context(None, "me", nothing, late, START + 10_000_010), [])
    with replica.lock:
        replica.sweep()
    assert replica.state.facts.used == folded  # no list has them
    assert known() == before
    again = asker(None, "me", asker.context(None, "me", nothing, late, START + 10_000_010), [])
    assert again.items == found.items


def test_no_posting_names_what_is_not_folded(tmp_path: Path) -> None:
    events = walks(20) + [event("me", item, 10_000_000 + at) for at, item in enumerate("abc")]
    stream, app = stream_of(events, tmp_path), shop()
    replica, folded = Replica(app.plan()), len(stream) - 3
    replica.fold_events(stream.stretch(0, folded), folded)
    before = replica.canonical()
    asker = Asker(judged_surface(app.surfaces, Wanted()), replica, stream, Wanted())
    late = np.arange(folded, len(stream))
    context = asker.context(None, "me", late[:0], late, START + 10_000_010)
    shown = asker(None, "me", context, [])
    assert not set(shown.items) & set("abc")
    assert replica.canonical() == before

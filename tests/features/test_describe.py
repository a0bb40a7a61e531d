"""The readable plan: every part is in it, and an unknown engine is refused."""

from __future__ import annotations

import pytest

from afresh import (
    App,
    Features,
    count,
    daily,
    decayed,
    hour_of_day,
    mean,
    session,
    sliding,
    tumbling,
)
from afresh.errors import BadRequest
from afresh.features.describe import describe_plan


def test_windows_are_shown_as_they_are_written() -> None:
    app = App("shown")
    view = app.event("view", price=int)

    class Item(Features, key="item_id"):
        a = count(view, window=tumbling("5m").previous)
        b = count(view, window=sliding("90m", hop="5m"))
        c = mean(view.price, window=daily(3))
        d = count(view, window=session("30m", within="12h"))
        e = count(view, by=view.price.bands(1, 2), window=decayed("1h"))
        f = count(view, by=hour_of_day("-03:30"), window=daily(3))

    app._features = [Item]
    said = describe_plan(app.plan())
    for part in (
        'tumbling("5m").previous',
        'sliding("90m", hop="5m")',
        "daily(3)",
        'session("30m", within="12h")',
        'decayed("1h") by price in bands',
        "daily(3) by hour_of_day-03:30",
        "sum(view.price)",
        "n(view.price)",
    ):
        assert part in said


def test_an_unknown_engine_is_refused() -> None:
    app = App("shown", features=[])
    app.event("view")
    with pytest.raises(BadRequest, match="no engine 'embeded'") as caught:
        describe_plan(app.plan(), engine="embeded")
    assert caught.value.hint == "Did you mean embedded?"

"""Windows become tiles: widths that divide a day, reaches as the design gives them."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afresh.errors import DefinitionError
from afresh.features.durations import milliseconds, text, widest_divisor
from afresh.features.plan import DAY_MS
from afresh.features.plan import Window as PlanWindow
from afresh.features.window_declaration import (
    Window,
    compile_window,
    daily,
    decayed,
    session,
    sliding,
    tumbling,
)

SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
DIVISORS = [d * SECOND for d in range(1, 86_401) if 86_400 % d == 0]


@pytest.mark.parametrize(
    ("window", "compiled", "reach"),
    [
        (tumbling("5m"), PlanWindow(kind="tumbling", width=5 * MINUTE), 10 * MINUTE),
        (
            tumbling("5m").previous,
            PlanWindow(kind="tumbling", width=5 * MINUTE, previous=True),
            10 * MINUTE,
        ),
        (sliding("1h"), PlanWindow(kind="sliding", width=MINUTE, size=HOUR), HOUR),
        (sliding("1h", hop="5m"), PlanWindow(kind="sliding", width=5 * MINUTE, size=HOUR), HOUR),
        (sliding("30s"), PlanWindow(kind="sliding", width=SECOND, size=30 * SECOND), 30 * SECOND),
        (daily(7), PlanWindow(kind="daily", width=DAY_MS, size=7), 8 * DAY_MS),
        (
            session("30m"),
            PlanWindow(kind="session", width=30 * MINUTE, size=DAY_MS, gap=30 * MINUTE),
            DAY_MS + 30 * MINUTE,
        ),
        (  # 7 minutes do not divide a day: tiles of 400 s, and the reach in whole ones
            session("7m", within="1h"),
            PlanWindow(kind="session", width=400 * SECOND, size=HOUR, gap=7 * MINUTE),
            4400 * SECOND,
        ),
    ],
)
def test_widths_and_reaches(window: Window, compiled: PlanWindow, reach: int) -> None:
    assert compile_window(window) == (compiled, reach)


def test_a_decayed_window() -> None:
    window, reach = compile_window(decayed("2h"))
    assert window.width == 450 * SECOND
    assert len(window.weights) == 256
    assert [window.weights[age] for age in (0, 16, 32)] == [1.0, 0.5, 0.25]
    assert reach == 32 * HOUR


@given(st.sampled_from(DIVISORS))
def test_any_divisor_of_a_day_is_a_width(width: int) -> None:
    assert compile_window(tumbling(width))[0].width == width
    assert compile_window(sliding(width, hop=width))[0].width == width


@given(st.integers(1, 86_399).filter(lambda s: 86_400 % s))
def test_no_other_width_is_and_the_hint_is_one_that_is(seconds: int) -> None:
    with pytest.raises(DefinitionError, match="does not divide a day") as caught:
        compile_window(tumbling(seconds * SECOND))
    for near in caught.value.hint.removesuffix(".").split("take ")[1].split(" or "):
        assert compile_window(tumbling(near))


@given(st.integers(16, 3_600 * 24 * 30))
def test_any_half_life(seconds: int) -> None:
    half_life = seconds * SECOND
    window, reach = compile_window(decayed(half_life))
    width = window.width
    assert DAY_MS % width == 0
    assert width * 16 <= half_life or width == SECOND
    assert not any(width < other <= half_life / 16 for other in DIVISORS)
    assert all(a > b for a, b in pairwise(window.weights))
    assert (len(window.weights) - 1) * width < 16 * half_life <= len(window.weights) * width
    assert reach == len(window.weights) * width


@given(st.integers(1, 86_400 * 7), st.integers(0, 50_000))
def test_any_session(gap: int, more: int) -> None:
    window, reach = compile_window(session(gap * SECOND, within=(gap + more) * SECOND))
    assert DAY_MS % window.width == 0
    assert window.width <= window.gap
    assert reach % window.width == 0
    assert reach - window.width < window.size + window.gap <= reach


@given(st.integers(1, 86_400 * 60))
def test_any_sliding_window_has_a_hop(seconds: int) -> None:
    window, reach = compile_window(sliding(seconds * SECOND))
    assert reach == window.size == seconds * SECOND
    assert window.width == widest_divisor(window.size / 60)
    assert DAY_MS % window.width == 0
    assert window.width <= max(window.size / 60, SECOND)


@pytest.mark.parametrize(
    ("window", "message"),
    [
        (tumbling("7m"), "does not divide a day"),
        (tumbling("2d"), "does not divide a day"),
        (sliding("1h", hop="7m"), "does not divide a day"),
        (sliding("5m", hop="10m"), "longer than the window"),
        (sliding("0s"), "empty"),
        (sliding(1500), "whole number of seconds"),
        (sliding("an hour"), "not a length of time"),
        (sliding(-HOUR), "whole number of seconds"),
        (daily(0), "whole days"),
        (daily("7"), "whole days"),  # type: ignore[arg-type]
        (daily(True), "whole days"),
        (session("2h", within="1h"), "longer than within"),
        (session("1s", within="60d"), "tiles"),
        (decayed("15s"), "too short"),
        (daily(7).previous, "no previous"),
    ],
)
def test_what_cannot_be(window: Window, message: str) -> None:
    with pytest.raises(DefinitionError, match=message) as caught:
        compile_window(window)
    assert caught.value.hint


@given(st.integers(1, 3_600 * 24 * 365))
def test_durations_read_back(seconds: int) -> None:
    ms = seconds * SECOND
    assert milliseconds(text(ms)) == milliseconds(ms) == ms
    assert milliseconds(timedelta(seconds=seconds)) == ms

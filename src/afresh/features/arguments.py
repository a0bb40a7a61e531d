"""What a call was given: a window, a prior; each meant or refused, with its place."""

from __future__ import annotations

import math

from afresh.errors import DefinitionError
from afresh.features.plan import Window as PlanWindow
from afresh.features.resolve import failure
from afresh.features.window_declaration import Window, compile_window
from afresh.problems import Place


def given_window(window: object, place: Place) -> tuple[PlanWindow, int]:
    """The window of the plan, and its reach in ms. Raises DefinitionError."""
    if not isinstance(window, Window):
        hint = 'Write window=sliding("1h"), or tumbling, daily, session, decayed.'
        raise failure(f"{window!r} is not a window", hint, place)
    try:
        return compile_window(window)
    except DefinitionError as error:
        raise failure(error.message, error.hint, window.place) from None


def given_prior(prior: object, place: Place) -> tuple[float, float]:
    """(alpha, beta) of a ratio. Raises DefinitionError."""
    hint = "Write prior=(1, 50): one success in fifty tries is believed beforehand."
    if not isinstance(prior, tuple) or len(prior) != 2:
        raise failure(f"The prior {prior!r} is not a pair", hint, place)
    for number in prior:
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise failure(f"The prior {prior!r} is not a pair of numbers", hint, place)
        if not math.isfinite(number) or number < 0:
            raise failure(f"The prior {prior!r} is not finite and positive", hint, place)
    return float(prior[0]), float(prior[1])

"""Strategies of events that look for trouble: borders, ties, shapes of ids, names that clash."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import strategies as st
from tests.model import DAY, Event

WIDTHS = (1_000, 45_000, 60_000, 240_000, 900_000, 1_800_000, 3_600_000, DAY)
STARTS = (20_000 * DAY, 20_000 * DAY + 13 * 3_600_000 + 14 * 60_000 + 15_926)
LIMIT = 2**31 - 1

_HEX = st.text("0123456789abcdef", min_size=32, max_size=32)
IDS = st.one_of(
    st.text("ab\u00e9\uffff\U0001f600", min_size=1, max_size=3),
    st.text("ab", min_size=15, max_size=18),
    st.uuids().map(str),
    st.text("0123456789-.:TZ", min_size=15, max_size=34),
    _HEX,
    _HEX.map(str.upper),
    st.sampled_from(["0" * 32, "0" * 31 + "g", "z" * 256, "0" * 8 + "-" + "0" * 27, "0" * 36]),
    st.sampled_from(["\u00e9" * 8, "\u00e9" * 9, "a" * 16, "a" * 17, "a" * 16 + "\u00e9"]),
)
"""Byte order differs from the order of code units beyond U+FFFF; short ones are prefixes."""

PEOPLE = st.sampled_from([None, None, "u1", "u1", "s:v1", "\U0001f600"])
VISITS = st.sampled_from([None, "v1", "v1", "v2", "u1"])
THINGS = st.sampled_from([None, "i1", "i1", "i1", "i2", "i3", "\uffff"])
MONEY = st.one_of(
    st.none(),
    st.sampled_from([0, 1, 999, 1000, 1001, 2499, 2500, LIMIT, -LIMIT]),
    st.integers(-50, 50),
)
TEXT = st.sampled_from([None, "red", "blue", "\U0001f600"])


@st.composite
def moments(draw: st.DrawFn, start: int) -> int:
    """A timestamp at most four days before `start`, often a border of some tile ±1 ms."""
    width = draw(st.sampled_from(WIDTHS))
    if draw(st.booleans()):
        return start - draw(st.integers(0, 5))
    border = (start // width - draw(st.integers(0, 4 if width == DAY else 22))) * width
    return border + draw(st.integers(-1, 1))


@st.composite
def histories(draw: st.DrawFn, *, most: int = 24) -> list[Event]:
    """Events as the log holds them, ids distinct, in any order."""
    start = draw(st.sampled_from(STARTS))
    ids = draw(st.lists(IDS, min_size=1, max_size=most, unique=True))
    return [draw(_event(name, draw(moments(start)))) for name in ids]


@st.composite
def _event(draw: st.DrawFn, name: str, ts: int) -> Event:
    kind = draw(st.sampled_from(["view", "view", "view", "cart", "buy", "ping", "identify"]))
    user, visit = draw(PEOPLE), draw(VISITS)
    fields: dict[str, int | str | None] = {"value": draw(MONEY), "item.grade": None}
    if kind == "identify":
        return Event(name, kind, ts, user or "u1", None, visit or "v1")
    if kind != "ping":
        fields |= {"price": draw(MONEY), "brand": draw(TEXT)}
    if kind != "view":
        fields["level"] = draw(st.sampled_from([None, -3, 0, 7]))
    item = draw(THINGS)
    if item is not None and draw(st.booleans()):
        fields |= {"item.category": draw(TEXT), "item.brand": draw(TEXT), "item.price": draw(MONEY)}
        fields |= {"item.fragile": draw(st.sampled_from([None, "true", "false"]))}
        fields |= {"item.grade": draw(st.sampled_from([None, 1, 2, 4, 5]))}
    nobody = user is None and visit is None
    return Event(name, kind, ts, "u1" if nobody else user, item, visit, fields)


@st.composite
def deliveries(draw: st.DrawFn, events: Sequence[Event]) -> list[list[Event]]:
    """The same events in another order, in batches."""
    order = draw(st.permutations(events))
    cuts = sorted(draw(st.sets(st.integers(0, len(events)), max_size=5)) | {0, len(events)})
    return [order[a:b] for a, b in pairwise(cuts)]

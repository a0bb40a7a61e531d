"""Mistakes in a definition: all of them, each with its line and what to write instead."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from afresh.loading import check

START = """
from afresh import *
app = App("test")
class Products(Catalog):
    category: str
    price: int
    rating: float
view = app.event("view", price=int, gift=bool)
buy = app.event("buy", store=str, value=decimal(2))
"""
FIRST = START.count("\n") + 1
"""The line on which what a test appends begins."""


def mistakes(tmp_path: Path, body: str) -> list[tuple[int, str, str]]:
    """(line after START from 1, message, hint) of what is wrong with a definition."""
    path = tmp_path / "app.py"
    path.write_text(START + dedent(body).lstrip("\n"), encoding="utf-8")
    problems = check(path)
    assert {p.file for p in problems} <= {str(path)}
    return [(p.line - FIRST + 1, p.message, p.hint) for p in problems]


def test_a_sound_file_has_none(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "") == []


def test_all_mistakes_are_found_at_once_each_on_its_line(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        """
        class Item(Features, key="item_id"):
            a = count(view, by=Products.categry, window=daily(7))
            b = count(view, window=tumbling("7m"))
            c = total(view.prise, window=daily(7))
            d = total(buy.store, window=daily(7))
            e = total(buy.rating, window=daily(7))
            f = count("view", window=daily(7))
            g = count(view, by=Products.rating, window=daily(7))
            h = count(view, by=view.price, window=daily(7))
            i = ratio(mean(view.price, window=daily(7)), count(view, window=daily(7)))
            j = ratio(count(buy, window=daily(7)), count(view, window=daily(7)), prior=(-1, 2))
            k = sliding("1h")
            l = count(window=daily(7))
            m = total(view.gift, window=daily(7))
            n = total(Products.price, window=daily(7))
            o = count(view, by=view.price.bands(9, 3), window=daily(7))
            p = count(view, window="1h")
            q = last(view)
            user_id = count(view, window=daily(7))
        """,
    )
    assert found == [
        (2, "Products has no field 'categry'", "Did you mean Products.category?"),
        (
            3,
            "A window of 7m does not divide a day",
            "Tiles must meet every UTC midnight: take 6m or 8m.",
        ),
        (4, "view has no field 'prise'", "Did you mean view.price?"),
        (5, "store is str, and only exact numbers add up", "To use it, take a number field."),
        (
            6,
            "rating is float, and only exact numbers add up",
            "To use it, declare it with decimal(2).",
        ),
        (
            7,
            "'view' is not an event type",
            "Pass what app.events(...) returned, such as view.",
        ),
        (8, "rating is float, which makes no groups", "Take a text field."),
        (
            9,
            "price is int, which makes no groups",
            "Cut it into bands: view.price.bands(10, 50), or take a text field.",
        ),
        (10, "A ratio of a mean cannot be kept", "Each side is a count(...) or a total(...)."),
        (
            11,
            "The prior (-1, 2) is not finite and positive",
            "Write prior=(1, 50): one success in fifty tries is believed beforehand.",
        ),
        (
            12,
            "Item.k is not a feature but a sliding window",
            "Write count(...), total(...), ratio(...), last(...); start others with _.",
        ),
        (13, "No event type is given", "Name one: view, buy."),
        (14, "gift is bool, and only exact numbers add up", "To use it, take a number field."),
        (15, "total needs a field of an event, not Products.price", "Say whose: view.price."),
        (16, "The edges of bands must ascend", "Write bands(10, 50, 100)."),
        (
            17,
            "'1h' is not a window",
            'Write window=sliding("1h"), or tumbling, daily, session, decayed.',
        ),
        (
            18,
            "last over item_id would only repeat the item",
            "Key the group by user_id or session_id.",
        ),
        (19, "Item.user_id takes a reserved name", "Call it otherwise."),
    ]


def test_keys(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        """
        class A(Features, key="usr_id"):
            a = count(view, window=daily(7))
        class B(Features):
            b = count(view, window=daily(7))
        class C(Features, key="store"):
            c = count(view, window=daily(7))
            d = count(view, buy, window=daily(7))
            e = count(buy, window=daily(7))
        class D(Features, key="price"):
            f = count(view, window=daily(7))
        """,
    )
    assert found == [
        (1, "No event carries the key 'usr_id'", "Did you mean user_id?"),
        (3, "The group has no key", 'Write key="item_id".'),
        (
            6,
            "view carries no store, the group's key",
            "Declare store=str on it, or count other events here.",
        ),
        (
            7,
            "view carries no store, the group's key",
            "Declare store=str on it, or count other events here.",
        ),
        (9, "price is int, which makes no groups", "Take a text field."),
    ]


def test_names_given_twice(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        """
        class A(Features, key="item_id"):
            views = count(view, window=daily(7))
            views = count(view, window=daily(8))
        class B(Features, key="item_id"):
            views = count(view, window=daily(9))
        class C(Features, key="item_id"):
            x = count(view, window=daily(9))
        class C(Features, key="item_id"):
            y = count(view, window=daily(9))
        again = app.event("view")
        """,
    )
    assert [(line, message) for line, message, _ in found] == [
        (3, "A.views is defined twice"),
        (5, "The feature 'views' is also defined in A"),
        (8, f"C is defined twice: the first stands in line {FIRST + 5}"),
        (10, "The event type 'view' is declared twice"),
    ]


def test_events(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        """
        a = app.event("a", timestamp=int)
        b = app.event("b", price=str)
        c = app.event("c", size=float)
        d = app.event("d e")
        e = app.event("e", weight=-1)
        f = app.event("f", value=decimal(3))
        g, h = app.events("g", "h", weights=(1, 2, 3))
        """,
    )
    assert [(line, message) for line, message, _ in found] == [
        (1, "a.timestamp takes a reserved name"),
        (2, "price is int in view and str in b"),
        (3, "c.size is a float"),
        (4, "'d e' cannot name an event type"),
        (5, "The weight of e is -1"),
        (6, "value has 2 decimal places in one event, 3 in f"),
        (7, "2 event types, but 3 weights"),
    ]


def test_too_many_event_types(tmp_path: Path) -> None:
    found = mistakes(tmp_path, 'for i in range(62):\n    app.event(f"e{i}")\n')
    assert found == []
    ((line, message, _),) = mistakes(tmp_path, 'for i in range(63):\n    app.event(f"e{i}")\n')
    assert (line, message) == (2, "65 event types are declared; an app can have 64")

"""Mistakes in surfaces: unknown sources, filters, features, fields and event types."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from afresh.loading import check

START = """from afresh import *
app = App("test")
class Products(Catalog):
    price: int
view = app.event("view")
"""


def test_surfaces(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    body = """
        app.surface("home", sources=["sesions"], filters=["sen"], n=0)
        app.surface("home", sources=[trending("soon"), sessions(weight=-1)])
        app.surface("other", sources=[similar("recnt")], filters=[seen("bought")])
        app.surface("more", filters=[available(Products.price), available(Products.stock)])
        app.surface("none", sources=[])
        class User(Features, key="user_id"):
            recent = last(view)
        """
    path.write_text(START + dedent(body).lstrip("\n"), encoding="utf-8")
    found = [(p.line - START.count("\n"), p.message, p.hint) for p in check(path)]
    assert [(line, message) for line, message, _ in found] == [
        (1, "home cannot show n=0 items"),
        (1, "home names an unknown filter 'sen'"),
        (1, "home names an unknown source 'sesions'"),
        (2, "'soon' is not a length of time"),
        (2, "The surface 'home' is declared twice"),
        (2, "The weight of sessions is -1"),
        (3, "seen names an unknown event type 'bought'"),
        (3, "similar('recnt') names no feature made by last(...)"),
        (4, "Products has no field 'stock'"),
        (4, "available needs a bool field; price is int"),
        (5, "none has no sources, so it can show nothing"),
    ]
    hints = [hint for _, _, hint in found]
    assert "Did you mean sessions?" in hints
    assert "Did you mean recent?" in hints


def test_what_a_preference_weighs(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    body = """
        play, skip, like = app.events("play", "skip", "like", weights=(1, 0, 0))
        class Now(Features, key="session_id"):
            done = last(play, like, n=50)
        app.surface("right", sources=[preference(actions={view: 2, "like": -3.5}, half_life="30m")])
        app.surface("who", sources=[preference(actions={"veiw": 1})])
        app.surface("unkept", sources=[preference(actions={skip: -2})])
        app.surface("nan", sources=[preference(actions={play: float("nan"), view: True})])
        app.surface("long", sources=[preference(half_life="soon")])
        """
    path.write_text(START + dedent(body).lstrip("\n"), encoding="utf-8")
    found = [(p.line - START.count("\n"), p.message, p.hint) for p in check(path)]
    number = "Take a number; below zero it pushes away."
    keep = "Add to the features of user_id or session_id: last(skip, n=50)."
    assert found[:-1] == [
        (5, "preference names an unknown event type 'veiw'", "Did you mean view?"),
        (6, "preference weighs skip, but no list keeps what was done", keep),
        (7, "preference weighs play as nan", number),
        (7, "preference weighs view as True", number),
    ]
    assert found[-1][:2] == (8, "The half-life of preference: 'soon' is not a length of time")


def test_numbers_that_callers_give(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    body = """
        class User(Features, key="user_id"):
            paid = mean(view.price, window=daily(7))
            recent = last(view)
        app.surface("right", given={"price": "paid", "stars": ""})
        app.surface("also", given=("price", "km_away"))
        app.surface("text", given="price away")
        app.surface("nothing", given=5)
        app.surface("who", given={"price": "payed"})
        app.surface("list", given={"price": "recent"})
        app.surface("twice", given=("price", "price"))
        app.surface("many", given=[f"n{n}" for n in range(17)])
        """
    start = START.replace('app.event("view")', 'app.event("view", price=int)')
    path.write_text(start + dedent(body).lstrip("\n"), encoding="utf-8")
    found = [(p.line - start.count("\n"), p.message, p.hint) for p in check(path)]
    assert [(line, message) for line, message, _ in found] == [
        (6, "'price away' cannot name a number that is given"),
        (7, "5 cannot name a number that is given"),
        (8, "who holds 'price' against 'payed', no number of a user"),
        (9, "list holds 'price' against 'recent', no number of a user"),
        (10, "twice is given 'price' twice"),
        (11, "many is given 17 numbers of an item"),
    ]
    assert "Did you mean paid?" in found[2][2]

"""App: how its parts are found, what its surfaces are when nothing is said."""

from __future__ import annotations

import pytest

from afresh import (
    App,
    Catalog,
    Features,
    available,
    count,
    daily,
    last,
    seen,
    sessions,
    similar,
    trending,
)
from afresh.errors import DefinitionError
from afresh.features.describe import describe_plan

app = App("found")


class Films(Catalog):
    title: str
    available: bool = True


watch = app.event("watch")


class Pulse(Features, key="item_id"):
    watched = count(watch, window=daily(7))


def test_the_classes_of_the_module_are_found() -> None:
    assert app.catalog is Films
    assert app.features == (Pulse,)
    assert [feature.name for feature in app.plan().features] == ["watched"]


def test_the_plan_is_compiled_once_and_again_after_a_declaration() -> None:
    own = App("own", features=[])
    own.event("view")
    first = own.plan()
    assert own.plan() is first
    own.event("buy")
    assert [event.name for event in own.plan().events] == ["view", "buy"]


def test_two_apps_in_one_process_do_not_meet() -> None:
    class Songs(Catalog):
        artist: str

    one, two = App("one", catalog=Songs, features=[]), App("two", catalog=Films, features=[])
    one.event("play")
    two.event("view")
    assert one.plan().catalog.name == "Songs"
    assert two.plan().catalog.name == "Films"
    assert [event.name for event in one.plan().events] == ["play"]


def test_an_event_of_another_app_is_refused() -> None:
    other = App("other", features=[])

    class Mine(Features, key="item_id"):
        views = count(watch, window=daily(1))

    other.event("watch")
    other._features = [Mine]
    with pytest.raises(DefinitionError, match="belongs to another app"):
        other.plan()


def test_events_share_their_properties() -> None:
    own = App("own", features=[])
    view, buy = own.events("view", "buy", weights=(1, 10), price=int)
    assert repr(view) == "EventType('view')"
    assert [(e.name, e.weight, e.fields[0].name) for e in own.plan().events] == [
        ("view", 1, "price"),
        ("buy", 10, "price"),
    ]
    assert str(buy.price) == "buy.price"


def test_without_a_surface_there_is_home() -> None:
    (home,) = app.surfaces
    assert (home.name, home.n) == ("home", 20)
    assert [source.name for source in home.sources] == ["sessions", "trending", "trending"]
    assert [(f.name, f.params) for f in home.filters] == [("available", {"field": "available"})]


def test_a_surface_as_it_was_written() -> None:
    class User(Features, key="user_id"):
        recent = last(watch, n=5)

    own = App("own", catalog=Films)
    view = own.event("view")
    own._features = []
    own.surface(
        "shelf",
        sources=[sessions(weight=2), trending("3h"), "similar", similar(weight=0.1, n=3)],
        filters=[seen(view), available(Films.available), "seen"],
        n=7,
    )
    assert own.problems() == []
    (shelf,) = own.surfaces
    assert [(s.name, s.weight) for s in shelf.sources] == [
        ("sessions", 2),
        ("trending", 0.3),
        ("similar", 0.5),
        ("similar", 0.1),
    ]
    assert [f.params for f in shelf.filters] == [
        {"events": ("view",)},
        {"field": "available"},
        {"events": ()},
    ]
    assert [trend.name for trend in own.plan().trends] == ["1h", "24h", "7d", "3h"]
    assert User._key == "user_id"


def test_postings_follow_the_settings_and_the_weights() -> None:
    own = App("own", features=[], session_length=9, postings_per_item=8, within="7d")
    own.events("view", "impression", "buy", weights=(1, 0, 5))
    postings = own.plan().postings
    assert (postings.types, postings.per_session, postings.per_item) == ((0, 2), 9, 8)
    assert postings.within == 7 * 86_400_000


@pytest.mark.parametrize(("said", "kept"), [({}, 500), ({"history": 40}, 40)])
def test_the_history_is_as_long_as_the_app_says(said: dict[str, int], kept: int) -> None:
    own = App("own", features=[], **said)  # type: ignore[arg-type]
    own.event("view")
    plan = own.plan()
    assert plan.sequences[plan.history].n == kept
    assert f"{kept} a user" in describe_plan(plan)


@pytest.mark.parametrize("history", [0, -1, 10_001, True, "long"])
def test_a_history_that_cannot_be_kept_is_refused(history: int) -> None:
    own = App("own", features=[], history=history)
    own.event("view")
    with pytest.raises(DefinitionError, match="history is"):
        own.plan()


def test_the_first_of_several_mistakes_is_raised_and_the_rest_are_counted() -> None:
    own = App("own", features=[], session_length=0, within="soon")
    with pytest.raises(DefinitionError, match="2 more") as caught:
        own.plan()
    assert caught.value.file == __file__
    assert caught.value.line == own.place.line

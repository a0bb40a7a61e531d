"""A surface whose trends are of a place and an hour: what it shows, says, and shows again."""

from __future__ import annotations

import threading

import msgspec
import pytest
from tests.opened import Opened, check, event, now, post, put
from tests.widened import wait

from afresh import App, Catalog, hour_of_day, rising, trending
from afresh.errors import BadRequest, DefinitionError
from afresh.request import Query
from afresh.runtime import Runtime

HOUR = 3_600_000


class Dishes(Catalog):
    cuisine: str


def app(*, by: bool = True) -> App:
    made = App("places", catalog=Dishes, features=[])
    view = made.event("view", city=str)
    made.event("order", 5, city=str)
    made.event("rate")
    sources = [trending("7d")]
    if by:
        sources = [
            trending("7d", by=view.city),
            trending("24h", by=Dishes.cuisine, weight=0.01),
            trending("7d", by=hour_of_day(), weight=0.0001),
        ]
    made.surface("home", sources=sources, filters=[])
    return made


def seen(
    item: str, city: str, n: int = 1, ago: int = 0, kind: str = "view"
) -> list[dict[str, object]]:
    said = {"event_type": kind, "item_id": item, "properties": {"city": city}}
    return [event(**said, user_id=f"{city}{at}", timestamp=now() - ago) for at in range(n)]


def filled(runtime: Runtime) -> None:
    for item, cuisine in (("schnitzel", "local"), ("pizza", "italian"), ("sushi", "japanese")):
        put(runtime, item, cuisine=cuisine)
    post(runtime, *seen("schnitzel", "Vienna", 3), *seen("pizza", "Rome", 9))
    post(runtime, *seen("pizza", "Vienna", 2), *seen("sushi", "Rome", 1, kind="order"))


def shown(runtime: Runtime, **context: str | float) -> list[tuple[str, str]]:
    answer = runtime.recommend(Query(context=context))
    assert answer.degraded == []
    return [(item.item_id, item.reason) for item in answer.items]


def test_a_city_has_its_own_trend_and_a_new_one_that_of_all(opened: Opened) -> None:
    runtime = opened(app())
    filled(runtime)
    where = "Popular where city is Vienna, in the last 7d"
    assert shown(runtime, city="Vienna")[:2] == [("schnitzel", where), ("pizza", where)]
    assert shown(runtime, city="Rome")[0][0] == "pizza"
    everywhere = [("pizza", "Popular in the last 7d"), ("sushi", "Popular in the last 7d")]
    assert shown(runtime)[:2] == everywhere
    assert shown(runtime, city="Linz")[:2] == everywhere
    assert shown(runtime, city=4.0)[:2] == everywhere
    post(runtime, *seen("sushi", "Vienna", 1, kind="order"))
    assert shown(runtime, city="Vienna")[0][0] == "sushi"
    check(runtime)


def test_it_is_there_after_a_restart_and_is_replayed_to_the_same_bytes(opened: Opened) -> None:
    runtime = opened(app())
    filled(runtime)
    asked = [Query(context={"city": "Vienna", "cuisine": "local"}), Query(context={"city": "x"})]
    answers = [runtime.recommend(query) for query in asked]
    post(runtime, *seen("sushi", "Vienna", 9))
    for snapshot in (True, False):
        opened.leave(snapshot=snapshot)
        runtime = opened(app())
        assert runtime.recommend(asked[0]).items != answers[0].items
        for answer in answers:
            said = runtime.explain(answer.request_id, replay=True)
            assert said.replay is not None
            assert said.replay.same, (said.answer, said.replay.answer)
            assert msgspec.json.decode(said.answer) == msgspec.to_builtins(answer)
    check(runtime)


def test_as_of_a_moment_a_late_event_counts_where_it_belongs(opened: Opened) -> None:
    runtime = opened(app())
    filled(runtime)
    then = now() - 2 * HOUR
    post(runtime, *seen("sushi", "Vienna", 5, ago=3 * HOUR))
    found = runtime.recommend_as_of(Query(context={"city": "Vienna"}, as_of=then))
    assert [item.item_id for item in found.items][:1] == ["sushi"]
    assert found.items[0].reason == "Popular where city is Vienna, in the last 7d"
    assert {item.reason for item in found.items[1:]} <= {"From the catalogue"}
    assert shown(runtime, city="Vienna")[0][0] == "sushi"


def test_the_question_about_trends_takes_what_they_are_split_by(opened: Opened) -> None:
    runtime, hours = opened(app()), [now() // HOUR % 24]
    filled(runtime)
    hours.append(now() // HOUR % 24)

    def names(window: str, **where: str) -> list[str]:
        return [item.item_id for item in runtime.trending(window, 9, where).items]

    assert names("7d", city="Vienna") == ["schnitzel", "pizza"]
    assert names("7d", city="Linz") == []
    assert names("7d", city="Vienna", cuisine="italian") == ["pizza"]
    assert names("24h", cuisine="italian") == ["pizza"]
    found_now = {name for hour in hours for name in names("7d", hour_of_day=str(hour))}
    assert found_now == {"pizza", "schnitzel", "sushi"}
    assert names("7d", hour_of_day=str((hours[0] + 12) % 24)) == []
    found = runtime.trending("7d", 9, {"city": "Vienna"}).items[0]
    assert found.reason == "Popular where city is Vienna, in the last 7d"
    for where in ({"hour_of_day": "24"}, {"town": "Vienna"}):
        with pytest.raises(BadRequest):
            runtime.trending("7d", 9, where)
    with pytest.raises(BadRequest):  # it is kept for seven days alone
        runtime.trending("1h", 9, {"city": "Vienna"})


def test_what_rises_in_a_city(opened: Opened) -> None:
    made = App("rises", catalog=Dishes, features=[])
    view = made.event("view", city=str)
    made.event("order", 5, city=str)
    trends = [
        trending("1h", by=hour_of_day(), weight=0),
        trending("7d", by=hour_of_day(), weight=0),
    ]
    made.surface("home", sources=[rising("1h", by=view.city), *trends], filters=[])
    runtime = opened(made)
    filled(runtime)
    (first, *_), where = shown(runtime, city="Vienna"), "More than usual where city is Vienna"
    assert first == ("schnitzel", f"{where}, in the last 1h")
    assert shown(runtime)[0] == ("pizza", "More than usual in the last 1h")

    def names(window: str, **where: str) -> list[str]:
        return [item.item_id for item in runtime.trending(window, 9, where, up=True).items]

    assert names("1h", city="Vienna") == ["schnitzel", "pizza"]
    assert names("1h", city="Linz") == []
    assert names("1h", cuisine="japanese") == ["sushi"]
    assert names("1h")[0] == "pizza"
    with pytest.raises(BadRequest):
        names("24h", city="Vienna")
    with pytest.raises(BadRequest):
        names("1h", hour_of_day="12")


def test_while_it_warms_what_trends_everywhere_stands_in(
    opened: Opened, gate: threading.Event
) -> None:
    filled(opened(app(by=False)))
    runtime = opened(app())
    answer = runtime.recommend(Query(context={"city": "Vienna"}))
    assert answer.degraded == ["warming:trending"]
    assert answer.items[0].item_id == "pizza"
    found = runtime.trending("7d", 9, {"city": "Vienna"})
    assert (found.items, found.degraded) == ([], ["warming:trending"])
    gate.set()
    wait(lambda: runtime.recovery.backfill is None)
    assert shown(runtime, city="Vienna")[0][0] == "schnitzel"
    check(runtime)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda a, e: trending("7d", by=e.town), "view has no field 'town'"),
        (lambda a, e: trending("7d", by=e.n), "n is int, which makes no groups"),
        (lambda a, e: trending("7d", by=hour_of_day("5")), "'5' is no offset from UTC"),
        (lambda a, e: trending("7d", by=hour_of_day("+15:00")), "is no offset from UTC"),
        (lambda a, e: trending("7d", by=7), "cannot be split by 7"),
        (lambda a, e: trending("7d", by=a.event("hush", 0, w=str).w), "No event that has a weight"),
    ],
)
def test_a_split_that_cannot_be_is_refused(make, message: str) -> None:  # type: ignore[no-untyped-def]
    made = App("wrong", features=[])
    view = made.event("view", city=str, n=int)
    made.surface("home", sources=[make(made, view)])
    with pytest.raises(DefinitionError) as found:
        made.plan()
    assert message in found.value.message
    assert found.value.line


def test_one_name_is_split_one_way() -> None:
    made = App("twice", features=[])
    view = made.event("view", n=int)
    sources = [trending("7d", by=view.n.bands(1)), trending("7d", by=view.n.bands(2))]
    made.surface("home", sources=sources)
    with pytest.raises(DefinitionError, match="split in two ways"):
        made.plan()

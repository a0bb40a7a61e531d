"""Everything at once, and each part of it killed in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from engines import EngineError
from engines.traffic import Asked, Traffic, call
from engines.whole import PARTS, Whole
from tests.conftest import missing_engine
from tests.deployed.receipts import receipts
from tests.model import Event, Model

from afresh.features.plan import Plan
from afresh.loading import load

SHOP = Path(__file__).parent / "shop.py"
LINES = 600
DOWN_S = 1.0
SAID = {"kafka": "log", "milvus": "vectors"}
"""What answers say while a part is away."""
PATIENCE_S = 120.0
SETTINGS = {"AFRESH_REQUEST_BUDGET": "5s", "AFRESH_VECTORS_TIMEOUT": "2s"}
"""A busy machine is no broken one."""

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Whole]:
    try:
        started = Whole(tmp_path, SHOP, settings=SETTINGS)
    except EngineError as error:
        missing_engine("One of the engines of the whole", str(error))
    yield started
    started.stop()


def test_each_part_is_killed_and_nothing_is_lost(whole: Whole) -> None:
    found, plan = receipts(LINES), load(SHOP).plan()
    servers = {name: whole.urls[name] for name in ("server-a", "server-b")}
    status, told_of = call(servers["server-a"], "/v1/items", found.items)
    assert status == 202, told_of
    traffic = Traffic(servers, found.bodies, pause_s=0.25)
    traffic.start()
    when: dict[str, tuple[float, float]] = {}
    try:
        time.sleep(DOWN_S)
        for part in PARTS:
            began = time.monotonic()
            whole.kill(part)
            time.sleep(DOWN_S)
            if part in SAID:
                until(lambda word=SAID[part]: said(traffic, word))  # type: ignore[misc]
            whole.start(part)
            when[part] = began, time.monotonic()
            time.sleep(DOWN_S)
        traffic.hurry()
        assert traffic.sent(PATIENCE_S), traffic.heard.refused[-3:]
        until(lambda: not traffic.heard.asked[-1].degraded)
    finally:
        traffic.close()
    assert traffic.heard.acknowledged == LINES
    answers_went_on(traffic.heard.asked, when)

    models = by_entity(plan, found.events)
    for name in (*servers, "reader"):
        url = whole.urls[name]
        until(lambda url=url: not differing(plan, url, models))  # type: ignore[misc]
        assert differing(plan, url, models) == [], name


def said(traffic: Traffic, word: str) -> bool:
    """Whether the newest answers speak of it."""
    return any(word in each.degraded for each in traffic.heard.asked[-5:])


def answers_went_on(asked: Sequence[Asked], when: dict[str, tuple[float, float]]) -> None:
    """Somebody always answered, and said what was missing."""
    answered = [each for each in asked if each.status == 200]
    assert all(each.items for each in answered)
    longest = max(b.at - a.at for a, b in pairwise(answered))
    assert longest < 20, longest
    for part, (began, ended) in when.items():
        during = [each for each in answered if began < each.at < ended]
        assert during, part
        if part.startswith("server"):
            assert {each.who for each in during} != {part}
        elif part in SAID:
            assert any(SAID[part] in each.degraded for each in during)
    assert not answered[-1].degraded


Models = dict[str, dict[str, tuple[str, Model]]]
"""By key and name: how the model calls the entity, and a model of its events alone."""


def by_entity(plan: Plan, events: Sequence[Event]) -> Models:
    own: dict[str, dict[tuple[str, str], list[Event]]] = {
        "item_id": {}, "user_id": {}, "session_id": {}
    }  # fmt: skip
    for e in events:
        assert e.item is not None
        assert e.user is not None
        assert e.session is not None
        own["item_id"].setdefault((e.item, e.item), []).append(e)
        own["user_id"].setdefault((e.user, f"u:{e.user}"), []).append(e)
        own["session_id"].setdefault((e.session, f"s:{e.session}"), []).append(e)
    return {
        key: {name: (who, Model(plan, mine)) for (name, who), mine in rows.items()}
        for key, rows in own.items()
    }


def differing(plan: Plan, url: str, models: Models) -> list[object]:
    """The first rows that are not what the model says of any moment while they were asked for."""
    found: list[object] = []
    for key, rows in models.items():
        features = [feature for feature in plan.features if feature.key == key]
        began = time.time_ns() // 1_000_000
        status, said = call(url, "/v1/features", {"keys": {key: list(rows)}}, 30.0)
        ended = time.time_ns() // 1_000_000
        if status != 200:
            return [(status, said)]
        for row in said["rows"]:
            who, model = rows[row.pop(key)]
            for now in range(began, ended + 1):
                wanted = {f.name: model.value(f, who, now) for f in features}
                if told(row) == told(wanted):
                    break
            else:
                found.append((who, row, wanted))
    return found[:3]


def told(value: object) -> object:
    """A value as a float32 says it, whichever decimals it was written with."""
    if isinstance(value, dict):
        return {name: told(inner) for name, inner in value.items()}
    return float(np.float32(value)) if isinstance(value, int | float) else value


def until(true: Callable[[], bool]) -> None:
    late = time.monotonic() + PATIENCE_S
    while not true() and time.monotonic() < late:
        time.sleep(0.2)

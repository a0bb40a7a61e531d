"""Answers of the past, asked again of the log as it was."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest

from afresh import App, Catalog, available, seen, sessions, similar, trending
from afresh.arrange.rules import Rules
from afresh.errors import NotFound
from afresh.runtime import Runtime
from afresh.settings import load_settings
from afresh.surface import Query


def shop(scorer: str) -> App:
    class Goods(Catalog):
        kind: str
        in_stock: bool = True

    app = App("explained", catalog=Goods)
    _, buy = app.events("view", "buy", weights=(1, 5))
    app.surface(
        "home", sources=[sessions(), similar(), trending("1h")],
        filters=[seen(buy), available(Goods.in_stock)], n=5, scorer=scorer,
    )  # fmt: skip
    return app


def visit(session: str, *items: str, kind: str = "view") -> bytes:
    now = int(time.time() * 1000)
    said = [
        {"event_type": kind, "session_id": session, "item_id": item, "timestamp": now}
        for item in items
    ]
    return b"\n".join(msgspec.json.encode(event) for event in said)


def filled(runtime: Runtime) -> None:
    for at in range(12):
        runtime.ingest(visit(f"s{at}", f"i{at % 5}", f"i{(at + 1) % 7}", f"i{(at + 3) % 7}"))
    runtime.ingest(visit("me", "i2"))
    runtime.ingest(visit("me", "i1", kind="buy"))


@pytest.mark.parametrize("scorer", ["blend", "learned"])
def test_an_answer_of_the_past_is_the_same_to_the_byte_after_a_restart_too(
    tmp_path: Path, scorer: str
) -> None:
    settings, app = load_settings(), shop(scorer)
    runtime = Runtime.open(app, tmp_path, settings)
    filled(runtime)
    asked = [
        Query(session_id="me"),
        Query(session_id="me", n=2),
        Query(session_id="nobody", rules=Rules(exclude=["i3"])),
    ]
    answers = [runtime.recommend(query) for query in asked]
    answers.append(runtime.recommend(Query(session_id="me", n=2, cursor=answers[1].cursor)))
    answers.append(runtime.rank(Query(session_id="me"), ["i6", "i0", "unheard of", "i3"]))
    for at in range(5):
        runtime.ingest(visit(f"later{at}", "i6", "i5", "i4"))
    assert runtime.recommend(asked[0]).items != answers[0].items
    for _ in range(2):
        for answer in answers:
            said = runtime.explain(answer.request_id, replay=True)
            assert said.replay is not None
            assert msgspec.json.decode(said.answer) == msgspec.to_builtins(answer)
            assert said.replay.same, (said.answer, said.replay.answer)
            assert [item.item_id for item in said.items] == [i.item_id for i in answer.items]
        runtime.close()
        runtime = Runtime.open(app, tmp_path, settings)
    runtime.close()


def test_the_terms_add_up_and_the_filters_say_what_they_took(tmp_path: Path) -> None:
    runtime = Runtime.open(shop("blend"), tmp_path, load_settings())
    filled(runtime)
    answer = runtime.recommend(Query(session_id="me"))
    said = runtime.explain(answer.request_id)
    assert said.replay is None
    for item, weighing in zip(answer.items, said.items, strict=True):
        assert sum(weighing.terms.values()) == pytest.approx(item.score, abs=1e-5)
        assert {name.split()[0] for name in weighing.terms} == set(item.sources)
    assert said.removed == {"seen": 1}
    runtime.close()


def test_what_is_not_remembered_is_not_found(tmp_path: Path) -> None:
    runtime = Runtime.open(shop("blend"), tmp_path, load_settings(traces_kept=1))
    first = runtime.recommend(Query(session_id="me"))
    runtime.traces.flush()
    runtime.recommend(Query(session_id="me"))
    with pytest.raises(NotFound, match=first.request_id):
        runtime.explain(first.request_id)
    runtime.close()

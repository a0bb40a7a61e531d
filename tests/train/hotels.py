"""A search for hotels whose lists another system makes: the price of tonight decides."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from tests.train.shops import START, Said, opened

from afresh import App, Features, daily, mean, neighbours, trending
from afresh.answers import Answer
from afresh.request import Query
from afresh.runtime import Runtime
from afresh.stages.given import Numbers
from afresh.surface import new_request_id

Asked = tuple[Query, list[str], Numbers, Answer]


def hotels(*, days: int = 30, given: object = None) -> App:
    """An app of looks and bookings; `given` instead of a price held against what was paid."""
    app = App("hotels")
    app.event("look", price=int, request_id=str)
    book = app.event("book", 5, price=int, request_id=str)

    class Person(Features, key="user_id"):
        paid = mean(book.price, window=daily(days))

    app._features = [Person]
    said = {"price": "paid", "stars": ""} if given is None else given
    app.surface("home", sources=[neighbours(), trending("24h")], filters=[], given=said)  # type: ignore[arg-type]
    return app


def visited(
    folder: Path, visits: int, seed: int = 0, *, own: int = 0
) -> tuple[list[Asked], list[str]]:
    """Visitors who are given eight of forty hotels in any order, some of which nobody has met, and
    book the one that costs most nearly what they mean to pay; every `own`th list is asked of the
    surface instead. What was asked of lists, and what was taken of them."""
    runtime, rng = opened(hotels(), folder), np.random.default_rng(seed)
    asked: list[Asked] = []
    taken: list[str] = []
    likes = rng.lognormal(4.5, 0.6, 30)
    for visit in range(visits):
        now = START + visit * 60_000
        who = Query(user_id=f"u{visit % 30}", session_id=f"s{visit}")
        if own and visit % own == 0:
            answer = recommended(runtime, who, now)
            names = [item.item_id for item in answer.items] or [f"h{rng.integers(40)}"]
            booked(runtime, who, names[0], 50, answer, now + 1)
            continue
        names, prices = _displayed(rng)
        numbers: Numbers = {
            "price": prices,
            "stars": [None, *rng.integers(1, 5, 7).astype(float).tolist()],
        }
        answer = runtime.rank(who, names, numbers, now=now)
        far = np.abs(np.log(np.array(prices) / likes[visit % 30]))
        item = names[int(far.argmin())]
        booked(runtime, who, item, int(prices[int(far.argmin())]), answer, now + 1)
        asked.append((who, names, numbers, answer))
        taken.append(item)
    runtime.close()
    return asked, taken


def _displayed(rng: np.random.Generator) -> tuple[list[str], list[float]]:
    known = [f"h{n}" for n in rng.choice(40, 6, replace=False).tolist()]
    names = [*known, *(f"new {n}" for n in rng.integers(1 << 30, size=2).tolist())]
    rng.shuffle(names)
    return names, np.round(rng.lognormal(4.5, 0.6, len(names)) + 1).tolist()


def recommended(runtime: Runtime, who: Query, now: int) -> Answer:
    """A list of the surface's own at a moment, UTC ms, with its trace."""
    with runtime.replica.lock:
        answer, arranged = runtime.recommended(who, now, new_request_id())
        runtime.trace(who, now, answer, arranged)
    return answer


def booked(runtime: Runtime, who: Query, item: str, price: int, answer: Answer, ts: int) -> None:
    event: Said = {
        "event_type": "book", "item_id": item, "user_id": who.user_id, "timestamp": ts,
        "session_id": who.session_id,
        "properties": {"price": price, "request_id": answer.request_id},
    }  # fmt: skip
    assert not runtime.ingest(msgspec.json.encode(event)).rejected

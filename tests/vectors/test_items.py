"""Item vectors follow the catalogue: whatever is put, deleted and renumbered, in any order."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.everything import app

from afresh.store.replica import Replica
from afresh.vectors import Vectors
from afresh.vectors.growing import GrowingIndex
from afresh.vectors.hashing import HashedText
from afresh.vectors.items import BATCH, ItemVectors

PLAN = app.plan()
ENCODER = HashedText(64)
ABOVE = 1e-4
"""Zero, give or take a rounding."""
Records = dict[str, str]


def put(replica: Replica, vectors: ItemVectors, records: dict[str, str | None]) -> None:
    """Item records in one batch, id to category; None deletes."""
    lines = [
        {"item_id": i, "deleted": True} if text is None else {"item_id": i, "category": text}
        for i, text in records.items()
    ]
    replica.fold_items(b"\n".join(map(msgspec.json.encode, lines)), replica.offset + 1)
    vectors.changed(replica.state.items.find_texts(list(records)))


def renumbered(replica: Replica, vectors: ItemVectors) -> None:
    """What a sweep does that finds many dead names: only items of the catalogue stay."""
    kept = np.flatnonzero(replica.catalog.present[: len(replica.state.items)])
    moved = replica.state.items.keep(kept)
    replica.catalog.renumber(moved)
    vectors.renumber(moved)


def near(replica: Replica, vectors: ItemVectors, text: str, n: int = 50) -> dict[str, float]:
    found = vectors.near(ENCODER.encode([text])[0], n, each=n)
    assert sorted(found.scores, reverse=True) == found.scores.tolist()
    names = replica.state.items.texts(found.items)
    assert len(set(names)) == len(names)
    both = zip(names, found.scores.tolist(), strict=True)
    return {item: cosine for item, cosine in both if cosine > ABOVE}


def slow(records: Records, text: str) -> dict[str, float]:
    asked = ENCODER.encode([text])[0]
    cosines = {i: float(ENCODER.encode([said])[0] @ asked) for i, said in records.items()}
    return {item: cosine for item, cosine in cosines.items() if cosine > ABOVE}


TEXTS = ["red shoe", "red shoes", "blue shoe", "tomato soup", "", "?"]
STEPS = st.lists(
    st.one_of(
        st.dictionaries(st.sampled_from([f"i{n}" for n in range(9)]),
                        st.sampled_from([*TEXTS, None]), min_size=1),
        st.sampled_from(["look", "renumber", "clear"]),
    ),
    max_size=12,
)  # fmt: skip


@settings(max_examples=100)
@given(STEPS, st.sampled_from([2, 1000]))
def test_neighbours_are_those_of_the_records(
    steps: list[dict[str, str | None] | str], exact_below: int
) -> None:
    replica = Replica(PLAN)
    vectors = ItemVectors(
        replica, ENCODER, lambda dims: GrowingIndex(dims, exact_below=exact_below)
    )
    held: Records = {}
    for step in [*steps, "look", "renumber", "look"]:
        if isinstance(step, dict):
            put(replica, vectors, step)
            held = {i: text for i, text in (held | step).items() if text is not None}
        elif step == "renumber":
            renumbered(replica, vectors)
        elif step == "clear":
            replica.clear()
            held = {}
        else:
            assert near(replica, vectors, "red shoe") == pytest.approx(
                slow(held, "red shoe"), abs=2e-3
            )
            said = {text for text in held.values() if text not in ("", "?")}
            assert len(vectors) == len(said)
            numbers = replica.state.items.find_texts(sorted(held))
            known, rows = vectors.of(numbers)
            texts = [held[item] for item in sorted(held)]
            for number, text in zip(numbers.tolist(), texts, strict=True):
                own = vectors.near_items(np.array([number]), 50)[0]
                if text not in said:
                    assert not len(own.items)
                    continue
                again = vectors.near(ENCODER.encode([text])[0], 50)
                assert dict(zip(own.items.tolist(), own.scores.tolist(), strict=True)) == (
                    pytest.approx(
                        dict(zip(again.items.tolist(), again.scores.tolist(), strict=True)),
                        abs=2e-3,
                    )
                )
            assert known.tolist() == [text in said for text in texts]
            right = ENCODER.encode([text for text in texts if text in said])
            assert rows == pytest.approx(right, abs=2e-3)


def test_a_catalogue_that_was_there_before_is_read() -> None:
    replica = Replica(PLAN)
    vectors = ItemVectors(replica, ENCODER)
    replica.clear()
    replica.fold_items(b'{"item_id":"a","category":"red shoe"}', 1)
    assert list(near(replica, vectors, "red shoe")) == ["a"]
    assert list(near(replica, ItemVectors(replica, ENCODER), "red shoe")) == ["a"]


def test_a_renumbering_right_after_a_clearing_is_no_concern() -> None:
    replica = Replica(PLAN)
    vectors = ItemVectors(replica, ENCODER)
    put(replica, vectors, {"a": "red shoe"})
    vectors.refresh()
    replica.clear()
    renumbered(replica, vectors)
    put(replica, vectors, {"b": "red shoes"})
    assert list(near(replica, vectors, "red shoe")) == ["b"]


def test_a_replica_that_goes_on_with_other_numbers_needs_no_text_again() -> None:
    replica, other, encoder = Replica(PLAN), Replica(PLAN), Counting()
    vectors = ItemVectors(replica, encoder)
    replica.followers.append(vectors)
    records = {f"i{n}": ["red shoe", "blue shoe", "soup"][n % 3] for n in range(9)}
    put(replica, vectors, {"gone": "tomato soup", **records})
    vectors.refresh()
    put(replica, vectors, {"gone": None, "i3": "tomato soup"})
    for item in reversed(records):
        put(other, ItemVectors(other, ENCODER), {item: records[item]})
    put(other, ItemVectors(other, ENCODER), {"i3": "tomato soup"})
    encoder.calls.clear()
    replica.become(other)
    asked = ENCODER.encode(["red soup"])[0]
    found, anew = vectors.near(asked, 5, each=2), ItemVectors(replica, ENCODER)
    assert found.items.tolist() == anew.near(asked, 5, each=2).items.tolist()
    assert encoder.calls == [1], "the soup, which was gone; the others were embedded before"
    put(replica, vectors, {"i0": "soup", "new": "red shoe"})
    assert near(replica, vectors, "red shoe") == near(
        replica, ItemVectors(replica, ENCODER), "red shoe"
    )


def test_of_one_text_the_newest_are_named_however_they_came_to_it() -> None:
    replica = Replica(PLAN)
    vectors = ItemVectors(replica, ENCODER)
    put(replica, vectors, {f"i{n}": "blue shoe" if n in (1, 8) else "red shoe" for n in range(9)})
    vectors.refresh()
    put(replica, vectors, {"i8": "red shoe", "i1": "red shoe"})
    put(replica, vectors, {"other": "red shoes"})
    found = vectors.near(ENCODER.encode(["red shoe"])[0], 50, each=3)
    assert replica.state.items.texts(found.items) == ["i8", "i7", "i6", "other"]
    anew = ItemVectors(replica, ENCODER).near(ENCODER.encode(["red shoe"])[0], 50, each=3)
    assert anew.items.tolist() == found.items.tolist()


class Counting:
    """HashedText, and how many texts it was given a call."""

    name, dims = "hashed", 64

    def __init__(self) -> None:
        self.calls: list[int] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.calls.append(len(texts))
        return ENCODER.encode(texts)


def test_a_search_embeds_a_batch_and_leaves_the_rest_for_later() -> None:
    replica, encoder = Replica(PLAN), Counting()
    vectors = ItemVectors(replica, encoder)
    put(replica, vectors, {f"i{n}": f"shoe {n}" for n in range(3 * BATCH)})
    asked = ENCODER.encode(["shoe"])[0]
    assert len(vectors.near(asked, 1000).items) == BATCH
    assert encoder.calls == [BATCH]
    assert vectors.refresh(10) == 2 * BATCH - 10
    assert vectors.refresh() == 0
    assert sum(encoder.calls) == len(vectors) == 3 * BATCH


def test_a_text_that_is_known_is_not_embedded_again() -> None:
    replica, encoder = Replica(PLAN), Counting()
    vectors = ItemVectors(replica, encoder)
    put(replica, vectors, {"a": "red shoe", "b": "red shoe"})
    vectors.refresh()
    put(replica, vectors, {"a": "red shoe", "c": "red shoe"})
    vectors.refresh()
    assert encoder.calls == [1]


def test_what_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    replica = Replica(PLAN)
    vectors = ItemVectors(replica, HashedText(64))
    put(replica, vectors, {"a": "red shoe"})
    with monkeypatch.context() as broken:
        broken.setattr(vectors.encoder, "encode", lambda texts: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            vectors.refresh()
    assert list(near(replica, vectors, "red shoe")) == ["a"]

"""Learned vectors follow the items' numbers: whatever comes, goes, is renumbered."""

from __future__ import annotations

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.everything import app

from afresh.store.replica import Replica
from afresh.vectors.behaviour import BehaviourVectors
from afresh.vectors.fitted import FittedVectors, unit
from afresh.vectors.hashing import HashedText
from afresh.vectors.items import ItemVectors

PLAN = app.plan()
ENCODER = HashedText(64)
FITTED = [f"i{n}" for n in range(6)]
RNG = np.random.default_rng(4)
FIT = FittedVectors(
    "fit",
    "\0".join(FITTED).encode(),
    unit(RNG.standard_normal((len(FITTED), 16))),
    RNG.standard_normal((65, 16)).astype(np.float32),
    ENCODER.name,
)
TEXTS = ["red shoe", "tomato soup", "?", ""]
STEPS = st.lists(
    st.one_of(
        st.dictionaries(st.sampled_from([f"i{n}" for n in range(10)]),
                        st.sampled_from([*TEXTS, None]), min_size=1),
        st.lists(st.sampled_from([f"i{n}" for n in range(10)]), min_size=1, max_size=4),
        st.sampled_from(["look", "renumber", "clear", "prepare"]),
    ),
    max_size=14,
)  # fmt: skip


def expected(known: set[str], records: dict[str, str]) -> dict[str, np.ndarray]:
    """By id, the vector of each item that has one."""
    out = {name: FIT.rows[FITTED.index(name)] for name in known if name in FITTED}
    for name, text in records.items():
        if name not in out:
            placed = FIT.bridged(ENCODER.encode([text]))[0]
            if ENCODER.encode([text]).any() and placed.any():
                out[name] = placed
    return out


@given(STEPS)
@settings(max_examples=60)
def test_vectors_are_those_of_the_items_there_are(steps: list[object]) -> None:
    replica = Replica(PLAN)
    texts = ItemVectors(replica, ENCODER)
    replica.followers.append(texts)
    vectors = BehaviourVectors(replica, FIT, texts)
    replica.followers.append(vectors)
    known: set[str] = set()
    records: dict[str, str] = {}
    for step in steps:
        if isinstance(step, dict):
            lines = [
                {"item_id": i, **({"deleted": True} if said is None else {"category": said})}
                for i, said in step.items()
            ]
            replica.fold_items(b"\n".join(map(msgspec.json.encode, lines)), replica.offset + 1)
            known |= {i for i in step if len(replica.state.items.find_texts([i]))
                      and replica.state.items.find_texts([i])[0] >= 0}  # fmt: skip
            for i, said in step.items():
                if said is None:
                    records.pop(i, None)
                else:
                    records[i] = said
        elif isinstance(step, list):  # events name items that no record has
            replica.state.items.intern("\0".join(step).encode(), len(step))
            known |= set(step)
        elif step == "renumber":
            kept = np.flatnonzero(replica.catalog.present[: len(replica.state.items)])
            moved = replica.state.items.keep(kept)
            replica.catalog.renumber(moved)
            for follower in replica.followers:
                follower.renumber(moved)
            known = set(replica.state.items.texts(np.arange(len(replica.state.items))))
        elif step == "clear":
            replica.clear()
            known, records = set(), {}
        elif step == "prepare":
            vectors.drop()
            vectors = BehaviourVectors(replica, FIT, texts)
            vectors.prepare()
        check(replica, vectors, expected(known, records))


def check(replica: Replica, vectors: BehaviourVectors, wanted: dict[str, np.ndarray]) -> None:
    names = sorted(wanted)
    numbers = replica.state.items.find_texts(names)
    has, rows = vectors.of(numbers)
    assert has.all()
    for name, row in zip(names, rows, strict=True):
        assert np.allclose(row, wanted[name], atol=1e-5)
    every, _ = vectors.of(np.arange(len(replica.state.items)))
    assert every.sum() == len(wanted)
    asked = FIT.rows[0]
    found = vectors.near(asked, 20)
    cosines = {name: float(row @ asked) for name, row in wanted.items()}
    above = {name for name, cosine in cosines.items() if cosine > 1e-4}
    assert above <= set(replica.state.items.texts(found.items)) <= set(wanted)
    assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)


def test_a_fit_by_another_encoder_bridges_nothing() -> None:
    replica = Replica(PLAN)
    other = FittedVectors("fit", FIT.ids, FIT.rows, FIT.bridge, "another")
    replica.fold_items(msgspec.json.encode({"item_id": "new", "category": "red shoe"}), 1)
    texts = ItemVectors(replica, ENCODER)
    assert len(BehaviourVectors(replica, FIT, texts).of(np.array([0]))[1]) == 1
    assert len(BehaviourVectors(replica, other, texts).of(np.array([0]))[1]) == 0

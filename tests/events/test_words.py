"""Words of memory say what the bytes say, at every place and length."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from afresh.events.hashing import hash_bytes
from afresh.events.texts import as_bytes, split_column
from afresh.events.words import first_word, same_bytes

TEXTS = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20))
SEED = np.uint64(7)


@given(TEXTS.filter(bool))
def test_a_column_is_split_at_its_nuls(texts: list[str]) -> None:
    data = "\0".join(texts).encode()
    starts = split_column(as_bytes(data), len(texts))
    assert [data[a : b - 1].decode() for a, b in pairwise(starts)] == texts


@given(st.binary(max_size=40), st.data())
def test_a_first_word_is_its_bytes_and_zeros(data: bytes, draw: st.DataObject) -> None:
    at = draw.draw(st.integers(0, len(data)))
    size = draw.draw(st.integers(0, min(8, len(data) - at)))
    assert int(first_word(as_bytes(data), at, size)) == int.from_bytes(
        data[at : at + size], "little"
    )


@given(st.binary(max_size=40), st.binary(max_size=9), st.binary(max_size=9), st.data())
def test_the_same_bytes_are_the_same_wherever_they_stand(
    text: bytes, before: bytes, behind: bytes, draw: st.DataObject
) -> None:
    here, there = as_bytes(text), as_bytes(before + text + behind)
    at, size = len(before), len(text)
    assert same_bytes(here, 0, there, at, size)
    assert hash_bytes(here, 0, size, SEED, 1) == hash_bytes(there, at, at + size, SEED, 1)
    if size:
        other = there.copy()
        other[at + draw.draw(st.integers(0, size - 1))] ^= draw.draw(st.integers(1, 255))
        assert not same_bytes(here, 0, other, at, size)
        assert hash_bytes(here, 0, size, SEED, 1) != hash_bytes(other, at, at + size, SEED, 1)

"""Interning against a dictionary."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from afresh.features.interning import Interner

NAMES = st.one_of(
    st.sampled_from(["", "a", "b", "ab", "ba", "aaaaaaaa", "aaaaaaaab", "é", "\U0001f600"]),
    st.text("ab", max_size=20),
)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.lists(NAMES, max_size=12), st.sampled_from([b"u", b"s"])), max_size=6))
def test_numbers_are_given_by_first_sight(columns: list[tuple[list[str], bytes]]) -> None:
    interner, known = Interner(prefixed=True), dict[tuple[bytes, str], int]()
    for names, kind in columns:
        wanted = [known.setdefault((kind, n), len(known)) if n else -1 for n in names]
        assert interner.intern("\0".join(names).encode(), len(names), kind).tolist() == wanted
        for other in (b"u", b"s"):
            found = interner.find_texts(names, other).tolist()
            assert found == [known.get((other, n), -1) if n else -1 for n in names]
    assert [interner.key(i) for i in range(len(interner))] == [
        kind + name.encode() for kind, name in known
    ]
    again = Interner(prefixed=True)
    again.restore({name: array.copy() for name, array in interner.dump().items()})
    for (kind, name), number in known.items():
        assert again.find_one(name, kind) == number
        assert again.text(number) == name
    assert again.intern(b"entirely new", 1, b"u").tolist() == [len(known)]


def test_many_names() -> None:
    interner, names = Interner(), [f"name {n}" for n in range(20_000)]
    column = "\0".join(names).encode()
    assert interner.intern(column, len(names)).tolist() == list(range(20_000))
    assert interner.find(column, len(names)).tolist() == list(range(20_000))
    assert interner.texts(interner.find_texts(["name 7", "name 19999"])) == ["name 7", "name 19999"]


def test_strings_that_are_no_keys() -> None:
    interner = Interner()
    interner.intern(b"a\0b", 2)
    assert interner.find_texts(["a\0b", "b", "\0\0\0\0", "\ud800", "a", ""]).tolist() == [
        -1, 1, -1, -1, 0, -1,
    ]  # fmt: skip

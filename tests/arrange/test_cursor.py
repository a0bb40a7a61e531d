"""Cursors: they hold what was shown, the same on every server, and nothing else passes."""

from __future__ import annotations

import base64

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afresh.arrange.cursor import LONGEST_TEXT, Shown, name_hashes, read_cursor, write_cursor
from afresh.arrange.rules import LONGEST
from afresh.errors import BadRequest
from afresh.features.interning import Interner


def interned(*names: str) -> tuple[Interner, np.ndarray]:
    items = Interner()
    return items, items.intern("\0".join(names).encode(), len(names))


@given(st.lists(st.integers(0, 2**64 - 1), max_size=50))
def test_what_is_written_is_read(shown: list[int]) -> None:
    cursor = write_cursor("log", "home", Shown(np.array(shown, np.uint64), len(shown) // 2))
    assert cursor is not None
    assert read_cursor(cursor, "log", "home").hashes.tolist() == shown
    assert read_cursor(cursor, "log", "home").beside == len(shown) // 2


def test_the_longest_one_fits_its_bound_and_the_list_ends_there() -> None:
    log, surface = "l" * 64, "é" * 64
    longest = write_cursor(log, surface, Shown(np.zeros(LONGEST - 1, np.uint64)))
    assert longest is not None
    assert len(longest) <= LONGEST_TEXT
    assert write_cursor(log, surface, Shown(np.zeros(LONGEST, np.uint64))) is None


def test_a_hash_is_of_the_name_alone() -> None:
    """Another server numbers its items otherwise and still knows what was shown."""
    one, numbers = interned("tea", "cup", "pot")
    two, others = interned("pot", "other", "tea")
    a, b = name_hashes(one, numbers), name_hashes(two, others)
    assert (a[0], a[2]) == (b[2], b[0])
    assert len({*a.tolist(), *b.tolist()}) == 4
    assert f"{a[0]:x}" == "b8d53908c5bb7de8"


@pytest.mark.parametrize(
    ("cursor", "code"),
    [
        ("", "bad_cursor"),
        ("%", "bad_cursor"),
        ("ü", "bad_cursor"),
        ("abcd", "bad_cursor"),
        (base64.urlsafe_b64encode(msgspec.msgpack.encode(["log", "home", b"123"])), "bad_cursor"),
        (
            base64.urlsafe_b64encode(msgspec.msgpack.encode(["log", "home", bytes(8 * LONGEST)])),
            "bad_cursor",
        ),
        (write_cursor("log", "cart", Shown(np.zeros(1, np.uint64))), "foreign_cursor"),
        (write_cursor("other", "home", Shown(np.zeros(1, np.uint64))), "foreign_cursor"),
    ],
)
def test_anything_else_is_refused(cursor: str | bytes, code: str) -> None:
    text = cursor if isinstance(cursor, str) else cursor.decode().rstrip("=")
    with pytest.raises(BadRequest) as caught:
        read_cursor(text, "log", "home")
    assert (caught.value.code, caught.value.path) == (code, "$.cursor")


@given(st.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    with pytest.raises(BadRequest):
        read_cursor(text, "log", "home")

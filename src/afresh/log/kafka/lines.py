"""Messages as the door writes them, straight from columns and back.

A message whose fields stand in the order of `Layout`, without an escape in any string, needs no
JSON parser. Whatever else comes, or has to be written, is for `wire.py`, which knows all of JSON;
what is read here is read the same there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.events.batch import NULL
from afresh.events.texts import as_bytes, split_column

TEXT, NUMBER, TYPE = 0, 1, 2

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Layout:
    """The fields of a message, in their order. Field f begins with heads[head_at[f] :
    head_at[f + 1]], is of kind kinds[f] (TEXT, NUMBER, TYPE), and is row rows[f] among those of its
    kind; the first `required` ones are always there. Type t is called names[name_at[t] :
    name_at[t + 1]]."""

    heads: Bytes
    head_at: Ints
    kinds: Ints
    rows: Ints
    names: Bytes
    name_at: Ints
    required: int


def layout(fields: Sequence[tuple[str, int, int]], types: Sequence[str], required: int) -> Layout:
    """fields: (name, kind, row among its kind)."""
    heads = [
        ("{" if not at else ",") + f'"{name}":' + ("" if kind == NUMBER else '"')
        for at, (name, kind, _) in enumerate(fields)
    ]
    head_bytes, head_at = _joined(heads)
    names, name_at = _joined(types)
    kinds = np.array([kind for _, kind, _ in fields], np.int64)
    rows = np.array([row for _, _, row in fields], np.int64)
    return Layout(head_bytes, head_at, kinds, rows, names, name_at, required)


def _joined(texts: Sequence[str]) -> tuple[Bytes, Ints]:
    parts = [text.encode() for text in texts]
    return as_bytes(b"".join(parts)), np.cumsum([0, *map(len, parts)])


@numba.njit(cache=True, nogil=True)
def _needs_escapes(data):  # type: ignore[no-untyped-def]
    """Whether a text column holds what a JSON string cannot hold as it is; NUL parts strings."""
    for c in data:  # noqa: SIM110
        if c == 34 or c == 92 or 0 < c < 32:
            return True
    return False


@numba.njit(cache=True, nogil=True)
def _write(heads, head_at, kinds, rows, names, name_at, types, data, starts, numbers, out, ends):  # type: ignore[no-untyped-def]
    """Write n messages one behind the other into out; ends[i]: where message i ends.

    types uint8[n]; data: text columns one behind the other, string i of column r at
    data[starts[r, i] : starts[r, i + 1] - 1]; numbers int64[rows, n], NULL where there is none.
    """
    at = 0
    digits = np.empty(20, np.uint8)
    for i in range(len(types)):
        for f in range(len(kinds)):
            kind, row = kinds[f], rows[f]
            if kind == TEXT:
                a, b = starts[row, i], starts[row, i + 1] - 1
                if a == b:
                    continue
            elif kind == NUMBER and numbers[row, i] == NULL:
                continue
            for p in range(head_at[f], head_at[f + 1]):
                out[at] = heads[p]
                at += 1
            if kind == NUMBER:
                v = numbers[row, i]
                if v < 0:
                    out[at] = 45
                    at += 1
                    v = -v
                n = 0
                while n == 0 or v > 0:
                    digits[n] = 48 + v % 10
                    v //= 10
                    n += 1
                for k in range(n - 1, -1, -1):
                    out[at] = digits[k]
                    at += 1
                continue
            if kind == TEXT:
                for p in range(a, b):
                    out[at] = data[p]
                    at += 1
            else:
                for p in range(name_at[types[i]], name_at[types[i] + 1]):
                    out[at] = names[p]
                    at += 1
            out[at] = 34
            at += 1
        out[at] = 125
        at += 1
        ends[i] = at
    return at


def write_lines(
    how: Layout, types: Bytes, texts: Sequence[bytes], numbers: Ints
) -> list[bytes] | None:
    """The messages of n events; None when a string needs an escape.

    types: uint8[n]; texts: text columns; numbers: int64[rows, n].
    """
    n = len(types)
    columns = [as_bytes(text) for text in texts]
    if any(_needs_escapes(column) for column in columns):
        return None
    data = np.concatenate(columns) if columns else np.empty(0, np.uint8)
    starts, first = np.empty((len(columns), n + 1), np.int64), 0
    for row, column in enumerate(columns):
        starts[row] = split_column(column, n) + first
        first += len(column)
    longest = int(np.diff(how.name_at).max(initial=0))
    out = np.empty(len(data) + n * (len(how.heads) + 22 * len(how.kinds) + longest), np.uint8)
    ends = np.empty(n, np.int64)
    size = _write(
        how.heads, how.head_at, how.kinds, how.rows, how.names, how.name_at,
        types, data, starts, numbers, out, ends,
    )  # fmt: skip
    text, edges = out[:size].tobytes(), [0, *ends.tolist()]
    return [text[a:b] for a, b in pairwise(edges)]


@numba.njit(cache=True, nogil=True)
def _is(data, at, end, wanted, first, past):  # type: ignore[no-untyped-def]
    """Whether data[at:end] begins with wanted[first:past]."""
    n = past - first
    if end - at < n:
        return False
    here, there, other = data[at : at + n], wanted[first:past], np.uint8(0)
    for k in range(n):  # to the end, whatever it finds: that many at once
        other |= here[k] ^ there[k]
    return other == 0


@numba.njit(cache=True, nogil=True)
def _plain(text):  # type: ignore[no-untyped-def]
    """Whether a string holds no escape, no control character, nor the first byte of one."""
    odd = False
    for k in range(len(text)):
        c = text[k]
        odd |= (c == 92) | (c < 32) | (c == 127) | (c == 0xC2)
    return not odd


@numba.njit(cache=True, nogil=True)
def _read(heads, head_at, kinds, rows, names, name_at, required,  # type: ignore[no-untyped-def]
          data, starts, types, texts, used, numbers):  # fmt: skip
    """Read n messages, data[starts[i] : starts[i + 1]]; False where one is written otherwise.

    types uint8[n]; texts uint8[rows, :], text columns, used[r] bytes of each; numbers
    int64[rows, n].
    """
    for i in range(len(starts) - 1):
        at, end = starts[i], starts[i + 1]
        for f in range(len(kinds)):
            kind, row = kinds[f], rows[f]
            there = _is(data, at, end, heads, head_at[f], head_at[f + 1])
            if not there and f < required:
                return False
            if kind == TEXT and i > 0:
                texts[row, used[row]] = 0
                used[row] += 1
            if not there:
                if kind == NUMBER:
                    numbers[row, i] = NULL
                continue
            at += head_at[f + 1] - head_at[f]
            if kind == NUMBER:
                minus = at < end and data[at] == 45
                at += minus
                first, v = at, np.int64(0)
                while at < end and 48 <= data[at] <= 57 and at - first < 18:
                    v = v * 10 + np.int64(data[at] - 48)
                    at += 1
                if at == first or (data[first] == 48 and (at - first > 1 or minus)):
                    return False
                numbers[row, i] = -v if minus else v
                continue
            first = at
            while at < end and data[at] != 34:
                at += 1
            text = data[first:at]
            if not _plain(text):
                return False
            if at == end or at == first:  # noqa: SIM109
                return False
            if kind == TEXT:
                if at - first > 256:
                    return False
                place = texts[row, used[row] : used[row] + at - first]
                for k in range(at - first):
                    place[k] = text[k]
                used[row] += at - first
            else:
                found = -1
                for t in range(len(name_at) - 1):
                    same = name_at[t + 1] - name_at[t] == at - first
                    if same and _is(data, first, at, names, name_at[t], name_at[t + 1]):
                        found = t
                if found < 0:
                    return False
                types[i] = found
            at += 1
        if at != end - 1 or data[at] != 125:
            return False
    return True


def read_lines(
    how: Layout, values: Sequence[bytes], texts: int, numbers: int
) -> tuple[Bytes, list[bytes], Ints] | None:
    """(types uint8[n], text columns, numbers int64[rows, n]) of n messages; None when one of them
    is not written as `write_lines` would. texts, numbers: how many rows there are of each."""
    joined = b"".join(values)
    starts = np.zeros(len(values) + 1, np.int64)
    np.cumsum([len(value) for value in values], out=starts[1:])
    types = np.empty(len(values), np.uint8)
    out = np.empty((texts, len(joined) + len(values)), np.uint8)
    used, found = np.zeros(texts, np.int64), np.empty((numbers, len(values)), np.int64)
    read = _read(
        how.heads, how.head_at, how.kinds, how.rows, how.names, how.name_at, how.required,
        as_bytes(joined), starts, types, out, used, found,
    )  # fmt: skip
    if not read:
        return None
    columns = [out[row, :size].tobytes() for row, size in enumerate(used.tolist())]
    try:
        for column in columns:
            column.decode()
    except UnicodeDecodeError:
        return None
    return types, columns, found

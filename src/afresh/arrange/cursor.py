"""The cursor: what earlier pages showed, so that the next one repeats nothing.

Opaque to callers. It names the log and the surface it belongs to, and holds a 64-bit hash of each
id shown, at most `LONGEST` of them: 21 kB as text. The hash is the same on every server.
"""

from __future__ import annotations

import base64
import binascii

import msgspec
import numba
import numpy as np
from numpy.typing import NDArray

from afresh.arrange.rules import LONGEST
from afresh.errors import BadRequest
from afresh.events.hashing import hash_bytes
from afresh.features.interning import Interner

NOTHING = np.empty(0, np.uint64)
LONGEST_TEXT = 22_000
"""Characters of a cursor: the hashes, the log's id, the surface's name."""

_SEED = np.uint64(0x61667265)


class Pages(msgspec.Struct, array_like=True, frozen=True):
    """The pages shown so far. shown: the hashes, 8 bytes each, little endian, in their order."""

    log: str
    surface: str
    shown: bytes


_decoder = msgspec.msgpack.Decoder(Pages)


@numba.njit(cache=True, nogil=True)
def _hashes(arena, begin, numbers, seed, out):  # type: ignore[no-untyped-def]
    """out uint64[n]: the hash of each key; of nothing for a number below zero."""
    for i in range(len(numbers)):
        k = numbers[i]
        if k >= 0:
            out[i] = hash_bytes(arena, begin[k], begin[k + 1], seed, 0)


def name_hashes(items: Interner, numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """uint64[n]: the hash of each item's id."""
    out = np.zeros(len(numbers), np.uint64)
    _hashes(items.arena, items.begin, numbers, _SEED, out)
    return out


def write_cursor(log: str, surface: str, shown: NDArray[np.uint64]) -> str | None:
    """The cursor after these items; None when no more may follow."""
    if len(shown) >= LONGEST:
        return None
    pages = Pages(log, surface, shown.astype("<u8").tobytes())
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(pages)).rstrip(b"=").decode()


def read_cursor(cursor: str, log: str, surface: str) -> NDArray[np.uint64]:
    """The hashes of what was shown. Raises BadRequest for one that is malformed or foreign."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        pages = _decoder.decode(raw)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise _refused("`cursor` is not a cursor of this server.", "bad_cursor") from None
    if len(pages.shown) % 8 or len(pages.shown) >= 8 * LONGEST:
        raise _refused("`cursor` is not a cursor of this server.", "bad_cursor")
    if (pages.log, pages.surface) != (log, surface):
        raise _refused("`cursor` belongs to another log or surface.", "foreign_cursor")
    return np.frombuffer(pages.shown, "<u8").astype(np.uint64)


def _refused(message: str, code: str) -> BadRequest:
    hint = "Pass on, unchanged, the `cursor` of the answer before; leave it out for the first."
    return BadRequest(message, hint=hint, path="$.cursor", code=code)

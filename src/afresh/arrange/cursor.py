"""The cursor: what earlier pages showed, so that the next one repeats nothing.

Opaque to callers. It names the log and the surface it belongs to, and holds a 64-bit hash of each
id shown, at most `LONGEST` of them: 21 kB as text. The hash is the same on every server.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

import msgspec
import numba
import numpy as np
from numpy.typing import NDArray

from afresh.arrange.rules import LONGEST
from afresh.errors import BadRequest
from afresh.events.hashing import hash_bytes
from afresh.features.interning import Interner


@dataclass(frozen=True, slots=True)
class Shown:
    """What earlier pages showed. hashes: uint64[n], of the ids; beside: how many of these stood in
    groups beside the list, so that they took no position of it."""

    hashes: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    beside: int = 0

    def __len__(self) -> int:
        return len(self.hashes)

    @property
    def begin(self) -> int:
        """The position that the next page begins at."""
        return len(self.hashes) - self.beside

    def and_then(self, hashes: NDArray[np.uint64], beside: int) -> Shown:
        """With those of one page more."""
        return Shown(np.concatenate([self.hashes, hashes]), self.beside + beside)


NOTHING = Shown()
LONGEST_TEXT = 22_000
"""Characters of a cursor: the hashes, the log's id, the surface's name."""

_SEED = np.uint64(0x61667265)


class Pages(msgspec.Struct, array_like=True, frozen=True):
    """The pages shown so far. shown: the hashes, 8 bytes each, little endian, in their order;
    beside: as Shown has it."""

    log: str
    surface: str
    shown: bytes
    beside: int = 0


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


def write_cursor(log: str, surface: str, shown: Shown) -> str | None:
    """The cursor after these items; None when no more may follow."""
    if len(shown) >= LONGEST:
        return None
    pages = Pages(log, surface, shown.hashes.astype("<u8").tobytes(), shown.beside)
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(pages)).rstrip(b"=").decode()


def read_cursor(cursor: str, log: str, surface: str) -> Shown:
    """What was shown. Raises BadRequest for one that is malformed or foreign."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        pages = _decoder.decode(raw)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise _refused("`cursor` is not a cursor of this server.", "bad_cursor") from None
    wrong = len(pages.shown) % 8 or len(pages.shown) >= 8 * LONGEST
    if wrong or not 0 <= pages.beside <= len(pages.shown) // 8:
        raise _refused("`cursor` is not a cursor of this server.", "bad_cursor")
    if (pages.log, pages.surface) != (log, surface):
        raise _refused("`cursor` belongs to another log or surface.", "foreign_cursor")
    return Shown(np.frombuffer(pages.shown, "<u8").astype(np.uint64), pages.beside)


def _refused(message: str, code: str) -> BadRequest:
    hint = "Pass on, unchanged, the `cursor` of the answer before; leave it out for the first."
    return BadRequest(message, hint=hint, path="$.cursor", code=code)

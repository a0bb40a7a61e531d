"""The token of a place in the log: what an answer gives and `after` takes.

Opaque to callers. It names the log, so that a token of another one is refused, the offsets
after the last records it stands for, and the greatest timestamp there.
"""

from __future__ import annotations

import base64
import binascii

import msgspec

from afresh.errors import BadRequest


class Place(msgspec.Struct, array_like=True, frozen=True):
    """A place in a log. at: the offset of the next record, in each partition of a log that has
    several; newest: greatest timestamp, UTC ms."""

    log: str
    at: tuple[int, ...]
    newest: int

    def within(self, reached: tuple[int, ...]) -> bool:
        """Whether who has come so far has come here."""
        return all(wanted <= held for wanted, held in zip(self.at, reached, strict=True))


_decoder = msgspec.msgpack.Decoder(Place)


def write_token(place: Place) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(place)).rstrip(b"=").decode()


def read_token(token: str, log: str, partitions: int) -> Place:
    """The place a token names. Raises BadRequest for one that is malformed or of another log."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
        place = _decoder.decode(raw)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise BadRequest(
            "`after` is not a token of this server.",
            hint="Pass on, unchanged, the `offset` of an answer.",
            path="$.after",
            code="bad_token",
        ) from None
    if place.log != log or len(place.at) != partitions or min(place.at) < 0:
        raise BadRequest(
            "`after` is a token of another log.",
            hint="Ask the server that gave it, or leave `after` out.",
            path="$.after",
            code="foreign_token",
        )
    return place

"""Server-sent events, as the HTML standard has them: what is written to an open list."""

from __future__ import annotations

import msgspec

from afresh.answers import Answer

BEAT = b":\n\n"
"""A comment, which clients pass over."""
RETRY_MS = 2000
"""How long a client waits before it connects again."""

_encode = msgspec.json.Encoder().encode


def opening() -> bytes:
    """What comes first: how patient to be."""
    return f"retry: {RETRY_MS}\n\n".encode()


def shown_list(answer: Answer) -> bytes:
    """An event `list` whose data is the answer, as `POST /v1/recommend` gives it."""
    return b"event: list\ndata: " + _encode(answer) + b"\n\n"

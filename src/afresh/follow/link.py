"""A link: two processes of one server call each other over one connection.

A frame is its length (uint32, little-endian, of what follows), a kind, the number of the call
(uint64), and a message of calls.py. What is sent within one turn of the event loop goes out in
one write.
"""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections.abc import Callable
from typing import Any

import structlog

from afresh.errors import Overloaded, Unavailable
from afresh.follow.calls import Call, Failure, Reply, encoded, error_of, failure, read_call
from afresh.follow.calls import read_reply as read_reply

_HEAD = struct.Struct("<IBQ")
_CALL, _REPLY = 0, 1
LARGEST = 256 << 20
"""Bytes that may wait to be sent; then calls are refused."""

Then = Callable[[Reply], None]
Answer = Callable[[Call, Then], None]

_log = structlog.get_logger("afresh.follow")


class Link(asyncio.Protocol):
    """One end. answer(call, then): answers what the other end asks, now or later, on this loop;
    lost(link): the other end is gone."""

    def __init__(self, answer: Answer, lost: Callable[[Link], None]) -> None:
        self._answer, self._lost = answer, lost
        self._asked: dict[int, Then] = {}
        self._numbers = itertools.count()
        self._received = bytearray()
        self._sending: list[bytes] = []
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def call(self, asked: Call, then: Then) -> None:
        """Ask; `then` is called once, on this loop. Raises Overloaded and Unavailable."""
        if self._transport is None or self._transport.is_closing():
            raise gone()
        if self._transport.get_write_buffer_size() > LARGEST:
            raise Overloaded("Too much waits to be handed to the process that writes.")
        number = next(self._numbers)
        self._asked[number] = then
        self._send(_CALL, number, encoded(asked))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        asked, self._asked = self._asked, {}
        self._lost(self)
        sent = failure(gone())
        for then in asked.values():
            then(sent)

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        at = 0
        while len(received) - at >= _HEAD.size:
            length, kind, number = _HEAD.unpack_from(received, at)
            end = at + 4 + length
            if len(received) < end:
                break
            message = bytes(received[at + _HEAD.size : end])
            at = end
            if kind == _CALL:
                self._called(number, message)
            else:
                then = self._asked.pop(number, None)
                if then is not None:
                    then(read_reply(message))
        del received[:at]

    def _called(self, number: int, message: bytes) -> None:
        def then(reply: Reply) -> None:
            self._send(_REPLY, number, encoded(reply))

        try:
            self._answer(read_call(message), then)
        except Exception as error:
            _log.error("call_failed", exc_info=error)
            then(Failure("AfreshError", "The process that was asked failed to answer."))

    def _send(self, kind: int, number: int, message: bytes) -> None:
        if not self._sending:
            asyncio.get_running_loop().call_soon(self._flush)
        self._sending += (_HEAD.pack(len(message) + _HEAD.size - 4, kind, number), message)

    def _flush(self) -> None:
        sending, self._sending = self._sending, []
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(sending))


def gone() -> Unavailable:
    """What a caller is told when the process that writes is not there."""
    return Unavailable(
        "The process that writes the log is being started again.",
        hint="Send it again in a moment, with the same event ids: what was kept counts once.",
    )


def raised(reply: Reply) -> Any:
    """The reply; raises the error that it says."""
    if isinstance(reply, Failure):
        raise error_of(reply)
    return reply

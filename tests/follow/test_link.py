"""Links: calls cross whole, in any pieces, and errors arrive as what they were."""

from __future__ import annotations

import asyncio
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afresh.errors import (
    AfreshError,
    BadRequest,
    NotFound,
    Overloaded,
    StorageFull,
    Unavailable,
)
from afresh.follow.calls import (
    Call,
    Done,
    Failure,
    FlushTraces,
    NoteNumbers,
    Reply,
    TakeEvents,
    encoded,
    error_of,
    failure,
    read_call,
    read_reply,
)
from afresh.follow.link import Link, Then
from afresh.follow.peers import Peers


@pytest.mark.parametrize(
    "error",
    [
        BadRequest("m", hint="h", path="$.x", code="c"),
        NotFound("m", hint="h"),
        Overloaded("m", retry_after=3.0),
        StorageFull("m", hint="h"),
        Unavailable("m", hint="h"),
        AfreshError("m", hint="h"),
    ],
)
def test_an_error_crosses_as_what_it_is(error: AfreshError) -> None:
    sent = read_reply(encoded(failure(error)))
    assert isinstance(sent, Failure)
    found = error_of(sent)
    assert type(found) is type(error)
    assert vars(found) == vars(error)


class Pipe(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=8), st.data())
def test_calls_and_replies_cross_in_any_pieces(bodies: list[bytes], data: st.DataObject) -> None:
    heard: list[bytes] = []

    def answer(call: Call, then: Then) -> None:
        assert isinstance(call, TakeEvents)
        heard.append(call.body)
        then(Failure("NotFound", repr(call.body)))

    async def run() -> None:
        asking, asked = Link(answer, lambda link: None), Link(answer, lambda link: None)
        there, back = Pipe(), Pipe()
        asking.connection_made(there)
        asked.connection_made(back)
        replies: dict[bytes, Reply] = {}
        for body in dict.fromkeys(bodies):
            asking.call(TakeEvents(body), lambda reply, body=body: replies.update({body: reply}))  # type: ignore[misc]
        await asyncio.sleep(0)
        for link, pipe in ((asked, there), (asking, back)):
            sent = pipe.written
            cuts = sorted(data.draw(st.sets(st.integers(0, len(sent)), max_size=6)))
            for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
                link.data_received(sent[start:end])
            await asyncio.sleep(0)
        assert heard == list(dict.fromkeys(bodies))
        assert replies == {body: Failure("NotFound", repr(body)) for body in heard}

    asyncio.run(run())


def test_who_is_asked_when_the_other_is_gone_hears_of_it() -> None:
    async def run() -> None:
        one, other = socket.socketpair()
        peers, silent = Peers(), Peers()
        silent.answer = lambda call, then: None
        await peers.join(7, one)
        await silent.join(0, other)
        replies: list[Reply] = []
        peers.links[7].call(FlushTraces(), replies.append)
        link = peers.links[7]
        await asyncio.sleep(0.05)
        assert not replies
        silent.close()
        while not replies:
            await asyncio.sleep(0.01)
        assert isinstance(replies[0], Failure)
        assert replies[0].kind == "Unavailable"
        assert not peers.links
        with pytest.raises(Unavailable):
            link.call(FlushTraces(), replies.append)
        assert await peers.ask_all(NoteNumbers(), 1) == {}

    asyncio.run(run())


def test_all_are_asked_and_the_slow_are_left_out() -> None:
    async def run() -> None:
        asking, quick, slow = Peers(), Peers(), Peers()
        quick.answer = lambda call, then: then(Done())
        slow.answer = lambda call, then: None
        for number, peer in enumerate((quick, slow)):
            one, other = socket.socketpair()
            await asking.join(number, one)
            await peer.join(9, other)
        assert await asking.ask_all(NoteNumbers(), 0.1) == {0: Done()}

        def broken(call: Call, then: Then) -> None:
            raise RuntimeError("broken")

        quick.answer = broken
        assert await asking.ask_all(NoteNumbers(), 0.1) == {}
        for peers in (asking, quick, slow):
            peers.close()

    asyncio.run(run())


def test_a_call_is_read_as_it_was_made() -> None:
    for call in (TakeEvents(b"\0\xff", True), FlushTraces(), NoteNumbers()):
        assert read_call(encoded(call)) == call

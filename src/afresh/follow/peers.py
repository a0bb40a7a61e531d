"""Peers: the links of one process to the others of its server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from functools import partial

import msgspec

from afresh.errors import AfreshError
from afresh.follow.calls import (
    Call,
    DeleteItem,
    Done,
    Failure,
    FlushTraces,
    NoteNumbers,
    PatchItem,
    PutItem,
    Reply,
    TakeEvents,
    TakeItems,
    failure,
)
from afresh.follow.link import Answer, Link, Then
from afresh.service import Receipt, Service

WRITER = 0
"""The number of the process that writes the log."""


class Peers:
    """Links by the number of the process at their other end. On one event loop."""

    def __init__(self) -> None:
        self.links: dict[int, Link] = {}
        self.answer: Answer = _nothing

    async def join(self, number: int, connection: socket.socket) -> None:
        """Call, and be called by, the process at the other end of a connection."""

        def lost(link: Link) -> None:
            if self.links.get(number) is link:
                del self.links[number]

        loop = asyncio.get_running_loop()
        _, link = await loop.connect_accepted_socket(
            lambda: Link(lambda call, then: self.answer(call, then), lost), connection
        )
        self.links[number] = link

    async def ask_all(self, asked: Call, seconds: float) -> dict[int, Done]:
        """What each of the others answered within so long, by its number; who failed or was too
        slow is left out."""
        loop = asyncio.get_running_loop()
        waiting: dict[asyncio.Future[Reply], int] = {}
        for number, link in list(self.links.items()):
            reply: asyncio.Future[Reply] = loop.create_future()
            try:
                link.call(asked, partial(_settle, reply))
            except AfreshError:
                continue
            waiting[reply] = number
        if waiting:
            await asyncio.wait(waiting, timeout=seconds)
        replies = {number: reply.result() for reply, number in waiting.items() if reply.done()}
        for reply in waiting:
            reply.cancel()
        return {number: said for number, said in replies.items() if isinstance(said, Done)}

    def close(self) -> None:
        for link in list(self.links.values()):
            link.close()


class Answering:
    """Answers the calls of peers with a service. note: writes down what this process counted."""

    def __init__(self, service: Service, note: Callable[[], None]) -> None:
        self._service, self._note = service, note
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, call: Call, then: Then) -> None:
        match call:
            case TakeEvents():

                def settled(receipt: Receipt | AfreshError) -> None:
                    then(_said(receipt))

                try:
                    self._service.take_events(call.body, settled, lines=call.lines)
                except AfreshError as error:
                    settled(error)
            case NoteNumbers():
                self._note()
                then(Done())
            case _:
                task = asyncio.ensure_future(self._later(call, then))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _later(self, call: Call, then: Then) -> None:
        try:
            then(Done(await self._done(call)))
        except AfreshError as error:
            then(failure(error))

    async def _done(self, call: Call) -> Receipt | None:
        service = self._service
        match call:
            case TakeItems():
                return await service.post_items(call.body)
            case PutItem():
                return await service.put_item(call.item_id, msgspec.json.decode(call.values))
            case PatchItem():
                return await service.patch_item(call.item_id, msgspec.json.decode(call.changes))
            case DeleteItem():
                return await service.delete_item(call.item_id)
            case FlushTraces():
                await asyncio.to_thread(service.traces.flush)
        return None


def _settle(future: asyncio.Future[Reply], reply: Reply) -> None:
    if not future.done():
        future.set_result(reply)


def _said(receipt: Receipt | AfreshError) -> Reply:
    return failure(receipt) if isinstance(receipt, AfreshError) else Done(receipt)


def _nothing(call: Call, then: Then) -> None:
    then(Failure("Unavailable", "This process does not answer yet.", "Try again in a moment."))

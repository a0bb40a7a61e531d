"""What the processes of one server ask of each other, and how errors cross between them."""

from __future__ import annotations

import msgspec

from afresh.errors import AfreshError, BadRequest, NotFound, Overloaded, StorageFull, Unavailable
from afresh.service import Receipt


class TakeEvents(msgspec.Struct, tag="events"):
    """A body with events, as it came. lines: it is NDJSON for certain."""

    body: bytes
    lines: bool = False


class TakeItems(msgspec.Struct, tag="items"):
    """A body with item records, as it came."""

    body: bytes


class PutItem(msgspec.Struct, tag="put"):
    """values: a JSON object, since MessagePack has no integers beyond 64 bits."""

    item_id: str
    values: bytes


class PatchItem(msgspec.Struct, tag="patch"):
    """changes: a JSON object."""

    item_id: str
    changes: bytes


class DeleteItem(msgspec.Struct, tag="delete"):
    item_id: str


class FlushTraces(msgspec.Struct, tag="flush"):
    """Write the traces that wait."""


class NoteNumbers(msgspec.Struct, tag="numbers"):
    """Write down what this process counted, where the others can read it."""


Write = TakeEvents | TakeItems | PutItem | PatchItem | DeleteItem
Call = Write | FlushTraces | NoteNumbers


class Failure(msgspec.Struct, tag="failure"):
    """An error in another process. kind: its class in `afresh.errors`."""

    kind: str
    message: str
    hint: str = ""
    path: str = "$"
    code: str = "bad_request"
    retry_after: float = 1.0


class Done(msgspec.Struct, tag="done"):
    """The call was answered; of a write, with its receipt."""

    receipt: Receipt | None = None


Reply = Done | Failure

_KINDS: dict[str, type[AfreshError]] = {
    kind.__name__: kind for kind in (NotFound, StorageFull, Unavailable)
}


def failure(error: AfreshError) -> Failure:
    """An error, to be sent."""
    made = Failure(type(error).__name__, error.message, error.hint)
    if isinstance(error, BadRequest):
        made.path, made.code = error.path, error.code
    elif isinstance(error, Overloaded):
        made.retry_after = error.retry_after
    return made


def error_of(sent: Failure) -> AfreshError:
    """The error that was sent; one of another kind is an AfreshError."""
    if sent.kind == "BadRequest":
        return BadRequest(sent.message, hint=sent.hint, path=sent.path, code=sent.code)
    if sent.kind == "Overloaded":
        return Overloaded(sent.message, retry_after=sent.retry_after)
    return _KINDS.get(sent.kind, AfreshError)(sent.message, hint=sent.hint)


_call = msgspec.msgpack.Decoder(Call)
_reply = msgspec.msgpack.Decoder(Reply)


def read_call(data: bytes) -> Call:
    """A call from its bytes. Raises msgspec.MsgspecError."""
    made: Call = _call.decode(data)
    return made


def read_reply(data: bytes) -> Reply:
    """A reply from its bytes. Raises msgspec.MsgspecError."""
    made: Reply = _reply.decode(data)
    return made


def encoded(said: Call | Reply) -> bytes:
    return msgspec.msgpack.encode(said)

"""`/v1/items`: the catalogue."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
from litestar import delete, get, patch, post, put
from litestar.types import ASGIApp

from afresh.errors import BadRequest, NotFound
from afresh.serve.body import JSON, LINES, Connection, decoded, read_body
from afresh.serve.described import Body, Doc, said
from afresh.serve.gate import segment
from afresh.serve.problem import NothingAccepted
from afresh.serve.reply import json_reply
from afresh.serve.serving import serving
from afresh.service import Receipt

_object = msgspec.json.Decoder(dict[str, Any])
_WRITING = {
    429: "Too much waits to be written.",
    503: "The log cannot be written now.",
    507: "The disk, or the log's size budget, is full.",
}
_BODY = {413: "The body is too large.", 415: "The media type or the encoding is not taken."}
_ID = {400: "The id, or a field, cannot be taken; `path` says which."}
_GONE = {404: "There is no such item."}


def item_id(request: Connection) -> str:
    """The item of the path, decoded strictly."""
    return path_id(request, "item_id")


def path_id(request: Connection, name: str) -> str:
    """The id that is the third part of the path. Raises BadRequest when it is no text."""
    try:
        found = unquote_to_bytes(segment(request.scope, 2)).decode()
    except (UnicodeDecodeError, IndexError):
        text = "The id in the path is not UTF-8."
        raise BadRequest(text, path=f"$.{name}", code="bad_id") from None
    if not 1 <= len(found.encode()) <= 256 or any(ord(c) < 32 or ord(c) == 127 for c in found):
        text = "An id is 1 to 256 bytes of UTF-8 without control characters."
        raise BadRequest(text, path=f"$.{name}", code="bad_id")
    return found


@put(
    "/v1/items/{item_id:str}",
    status_code=200,
    opt=said(
        Doc(
            "Put an item",
            "Items",
            answer=Receipt,
            description="The whole record: a field left out is null, or its default.",
            body=Body({"application/json": ("ItemRecord", None)}, packed=True),
            errors=_ID | _BODY | _WRITING,
        )
    ),
)
async def put_item(request: Connection) -> ASGIApp:
    """Replace or make one item."""
    here, item, record = serving(request), item_id(request), await _record(request)
    if record.pop("item_id", item) != item:
        text = "The item_id of the body is not the one of the path."
        raise BadRequest(text, path="$.item_id", code="bad_id")
    return json_reply(await here.runtime.put_item(item, record))


@patch(
    "/v1/items/{item_id:str}",
    status_code=200,
    opt=said(
        Doc(
            "Change an item",
            "Items",
            answer=Receipt,
            description="Only the fields given change; null removes one (RFC 7396).",
            body=Body(
                {
                    "application/json": ("ItemChange", None),
                    "application/merge-patch+json": ("ItemChange", None),
                },
                packed=True,
            ),
            errors=_ID | _GONE | _BODY | _WRITING,
        )
    ),
)
async def patch_item(request: Connection) -> ASGIApp:
    """Merge changes into one item; the log gets the whole record."""
    here, item = serving(request), item_id(request)
    changes = await _record(request, JSON | {b"application/merge-patch+json"})
    if changes.pop("item_id", item) != item:
        text = "An item's id cannot be changed."
        raise BadRequest(text, path="$.item_id", code="bad_id")
    return json_reply(await here.runtime.patch_item(item, changes))


@delete(
    "/v1/items/{item_id:str}",
    status_code=200,
    opt=said(
        Doc("Delete an item", "Items", answer=Receipt, errors=_ID | _GONE | _WRITING),
    ),
)
async def delete_item(request: Connection) -> ASGIApp:
    """Take one item out of the catalogue."""
    return json_reply(await serving(request).runtime.delete_item(item_id(request)))


@get(
    "/v1/items/{item_id:str}",
    opt=said(Doc("Get an item", "Items", "ItemRecord", errors=_ID | _GONE)),
)
async def get_item(request: Connection) -> ASGIApp:
    """One item as it stands."""
    item = item_id(request)
    record = serving(request).runtime.item(item)
    if record is None:
        raise NotFound(f"There is no item {item!r}.", hint="PUT it first.")
    return json_reply(record)


@post(
    "/v1/items",
    status_code=202,
    opt=said(
        Doc(
            "Put many items",
            "Items",
            answer=Receipt,
            status=202,
            description="One record a line, each with its `item_id`; a verdict per line.",
            body=Body(
                {"application/x-ndjson": ("Lines", None), "application/json": ("Items", None)},
                packed=True,
            ),
            errors={
                400: "The body as a whole cannot be read.",
                422: "No record was acceptable; `rejected` says why of each.",
            }
            | _BODY
            | _WRITING,
        )
    ),
)
async def post_items(request: Connection) -> ASGIApp:
    """Replace or make many items."""
    here = serving(request)
    body, _ = await read_body(request, here.settings.max_body_bytes, JSON | LINES)
    if not body.strip():
        raise BadRequest("The body is empty.", hint="Send one record a line.")
    receipt = await here.runtime.post_items(body)
    if not receipt.accepted and receipt.rejected:
        raise NothingAccepted(receipt.rejected, "record")
    return json_reply(receipt, 202)


async def _record(request: Connection, types: frozenset[bytes] = JSON) -> dict[str, Any]:
    body, _ = await read_body(request, serving(request).settings.max_body_bytes, types)
    return decoded(_object, body)


routes = (put_item, patch_item, delete_item, get_item, post_items)

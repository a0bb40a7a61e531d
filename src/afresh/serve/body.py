"""Request bodies: bounded, gzip or plain; and JSON read into typed structs."""

from __future__ import annotations

import zlib
from typing import Any, TypeVar

import msgspec
from litestar import Request

from afresh.errors import BadRequest
from afresh.events.verdict import rejection
from afresh.serve.problem import HttpError

T = TypeVar("T")
Connection = Request[Any, Any, Any]

JSON = frozenset({b"application/json", b""})
LINES = frozenset({b"application/x-ndjson", b"application/ndjson", b"application/jsonl"})
_GZIP = 16 + zlib.MAX_WBITS


async def read_body(
    request: Connection, limit: int, types: frozenset[bytes]
) -> tuple[bytes, bytes]:
    """The whole body, unpacked, and its media type in lower case (b"" when not said).

    Raises HttpError 413 when it is larger than `limit` bytes before or after unpacking, 415
    for another media type or encoding than expected, BadRequest when it breaks off.
    """
    media, encoding, length = b"", b"", b"0"
    for name, value in request.scope["headers"]:
        if name == b"content-type":
            media = value.partition(b";")[0].strip().lower()
        elif name == b"content-encoding":
            encoding = value.strip().lower()
        elif name == b"content-length":
            length = value
    if media not in types:
        raise _unsupported("media type", media, types - {b""})
    if encoding not in (b"", b"identity", b"gzip", b"x-gzip"):
        raise _unsupported("content encoding", encoding, frozenset({b"gzip", b"identity"}))
    if int(length) > limit:
        raise _too_large(limit)
    message = await request.receive()
    if encoding.endswith(b"gzip"):
        return await _unpacked(request, message, limit), media
    body: bytes = message.get("body", b"")  # type: ignore[assignment]
    if not message.get("more_body", False) and message["type"] == "http.request":
        if len(body) > limit:
            raise _too_large(limit)
        return body, media
    chunks, size = [], 0
    while True:
        chunk, more = _chunk(message)
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        if not more:
            return b"".join(chunks), media
        message = await request.receive()


def decoded(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """A JSON body as its struct. Raises BadRequest with the path of the fault."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        text = f"The body is not JSON: {error}."
        raise BadRequest(text, code="malformed_json") from None


def query(request: Connection, shape: type[T]) -> T:
    """The query string as a struct. Raises BadRequest with the name of the parameter."""
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in given:
            raise BadRequest("It is given twice.", path=f"$.{name}", code="bad_parameter")
        given[name] = value
    try:
        return msgspec.convert(given, shape, strict=False)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None


async def _unpacked(request: Connection, message: Any, limit: int) -> bytes:
    """A gzip body, unpacked as it comes, never more than `limit` bytes of it."""
    unpack = zlib.decompressobj(_GZIP)
    chunks, size, packed = [], 0, 0
    more = True
    try:
        while True:
            chunk, more = _chunk(message)
            packed += len(chunk)
            if packed > limit:
                raise _too_large(limit)
            while chunk:
                part = unpack.decompress(chunk, limit + 1 - size)
                size += len(part)
                if size > limit:
                    raise _too_large(limit)
                chunks.append(part)
                chunk = unpack.unconsumed_tail
                if unpack.eof and unpack.unused_data:  # gzip files may be joined
                    chunk, unpack = unpack.unused_data, zlib.decompressobj(_GZIP)
            if not more:
                break
            message = await request.receive()
    except zlib.error as error:
        raise BadRequest(f"The body is not gzip: {error}.", code="bad_gzip") from None
    if not unpack.eof:
        raise BadRequest("The gzip body breaks off.", code="bad_gzip")
    return b"".join(chunks)


def _chunk(message: Any) -> tuple[bytes, bool]:
    if message["type"] != "http.request":
        raise BadRequest("The request broke off.", code="disconnected")
    return message.get("body", b""), message.get("more_body", False)


def _invalid(text: str) -> BadRequest:
    found = rejection(0, msgspec.ValidationError(text))
    return BadRequest(f"{found.detail}.", path=found.path, code="invalid")


def _too_large(limit: int) -> HttpError:
    hint = f"Send at most {limit:,} bytes at a time (setting max_body_bytes)."
    return HttpError(413, "body_too_large", f"The body is larger than {limit:,} bytes.", hint=hint)


def _unsupported(what: str, got: bytes, known: frozenset[bytes]) -> HttpError:
    name = got.decode("latin-1")[:80]
    hint = "Send " + " or ".join(sorted(k.decode() for k in known)) + "."
    code = "unsupported_" + what.replace(" ", "_")
    return HttpError(415, code, f"The {what} {name!r} is not taken here.", hint=hint)

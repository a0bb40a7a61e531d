"""What the door says of each event."""

from __future__ import annotations

import re

import msgspec

CODES = {
    "malformed_json": "The text is not JSON (RFC 8259), or not UTF-8.",
    "not_an_object": "An event is a JSON object.",
    "unknown_event_type": "The definition has no event type of this name.",
    "unknown_field": "The definition has no field of this name.",
    "missing_field": "A required field is absent.",
    "bad_type": "A field has another type than declared.",
    "bad_id": "An id is 1 to 256 bytes of UTF-8 without control characters.",
    "bad_timestamp": "A timestamp is RFC 3339 with an offset, or epoch milliseconds, not below 0.",
    "bad_number": "A number is out of bounds or has more decimal places than declared.",
    "in_the_future": "The timestamp is more than an hour ahead of the server.",
    "too_late": "The timestamp is older than the admission horizon; import takes history.",
    "conflict": "The same event_id came before with other content; the first one counts.",
}
"""Every code of a rejected event, and what it means."""


class Rejection(msgspec.Struct, frozen=True):
    """One event that was refused: its index in the request, why, where."""

    index: int
    code: str
    path: str
    detail: str


_PATH = re.compile(r" - at `(\$[^`]*)`$")
_FIELD = re.compile(r"(?:required|unknown) field `([^`]*)`")


def rejection(index: int, error: Exception) -> Rejection:
    """Put a decoder's error into the door's words."""
    text = str(error)
    found = _PATH.search(text)
    path = found.group(1) if found else "$"
    detail = _PATH.sub("", text)
    if not isinstance(error, msgspec.ValidationError):
        return Rejection(index, "malformed_json", "$", detail or type(error).__name__)
    field = _FIELD.search(text)
    if field:
        code = "missing_field" if "missing" in text else "unknown_field"
        return Rejection(index, code, f"{path}.{field.group(1)}", detail)
    if path == "$":
        return Rejection(index, "not_an_object", path, detail)
    if path == "$.event_type":
        return Rejection(index, "unknown_event_type", path, detail)
    if path == "$.timestamp":
        return Rejection(index, "bad_timestamp", path, detail)
    if path.endswith("_id") and "length" in detail:
        return Rejection(index, "bad_id", path, detail)
    return Rejection(index, "bad_type", path, detail)

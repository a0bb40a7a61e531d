"""The catalogue's door: item records checked against the declared fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from afresh.errors import BadRequest
from afresh.events.columnar import LIMIT, fault_of_text, fixed_point
from afresh.events.decode import Id
from afresh.events.verdict import Rejection, rejection
from afresh.features.plan import PlanCatalog, PlanField

_KINDS: dict[str, Any] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "decimal": int | Decimal,
    "list[str]": list[str],
}
MAX_TEXT = 64 * 1024


@dataclass(slots=True)
class DecodedItems:
    """Records of the declared shape, as JSON; index: their places in the request."""

    records: list[tuple[str, bytes]] = field(default_factory=list)
    index: list[int] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)


class ItemDecoder:
    """Checks item records of one catalogue. Null, or an absent field, says nothing."""

    def __init__(self, catalog: PlanCatalog) -> None:
        self.fields = {f.name: f for f in catalog.fields}
        shape = msgspec.defstruct(
            "Item",
            [("item_id", Id), *((f.name, _KINDS[f.kind] | None, None) for f in catalog.fields)],
            forbid_unknown_fields=True,
            omit_defaults=True,
            kw_only=True,
        )
        self._one: msgspec.json.Decoder[Any] = msgspec.json.Decoder(shape)

    def record(self, item_id: str, values: Mapping[str, Any]) -> bytes:
        """One checked record as JSON. Raises BadRequest with the path of the fault."""
        try:
            text = msgspec.json.encode({**values, "item_id": item_id})
        except UnicodeEncodeError:
            fault = "The record holds a lone surrogate, which is no character."
            raise BadRequest(fault, code="malformed_json") from None
        return self._checked(text)

    def merged(self, current: bytes, changes: Mapping[str, Any]) -> bytes:
        """A record with changes merged in (RFC 7396: null removes a field). Raises BadRequest."""
        record = msgspec.json.decode(current)
        if changes.get("item_id", record["item_id"]) != record["item_id"]:
            raise BadRequest(
                "A change cannot make an item another one.",
                hint="PUT the other item, and DELETE this one.",
                path="$.item_id",
                code="bad_id",
            )
        return self.record(record["item_id"], {**record, **changes})

    def lines(self, body: bytes) -> DecodedItems:
        """The records of an NDJSON body, or of a JSON array; each judged alone."""
        out = DecodedItems()
        for at, text in enumerate(_texts(body)):
            try:
                record = self._checked(text)
                out.records.append((self._one.decode(record).item_id, record))
                out.index.append(at)
            except BadRequest as error:
                out.rejected.append(Rejection(at, error.code, error.path, error.message))
        return out

    def _checked(self, text: bytes) -> bytes:
        try:
            item = self._one.decode(text)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            found = rejection(0, error)
            code = "not_an_object" if found.code == "not_an_object" else found.code
            raise BadRequest(found.detail, path=found.path, code=code) from None
        fault = fault_of_text(item.item_id)
        if fault:
            raise BadRequest(fault, path="$.item_id", code="bad_id")
        for name, spec in self.fields.items():
            fault = _fault(spec, getattr(item, name))
            if fault:
                code = "bad_number" if spec.kind in ("int", "decimal") else "bad_type"
                raise BadRequest(fault, path=f"$.{name}", code=code)
        return msgspec.json.encode(item)


def deletion(item_id: str) -> bytes:
    """The record that removes an item."""
    return msgspec.json.encode({"item_id": item_id, "deleted": True})


def _fault(spec: PlanField, value: Any) -> str | None:
    if value is None:
        return None
    if spec.kind in ("int", "decimal"):
        number = fixed_point(value, spec.places)
        if number is None or abs(number) >= LIMIT:
            return f"{value} is out of bounds or has more than {spec.places} decimal places."
    if spec.kind == "str":
        return _text_fault(value)
    if spec.kind == "list[str]":
        return next((f for f in map(_text_fault, value) if f), None)
    return None


def _text_fault(value: str) -> str | None:
    if "\0" in value:
        return "It holds the character U+0000."
    if len(value) > MAX_TEXT:
        return f"It is {len(value):,} characters long; {MAX_TEXT:,} are allowed."
    try:
        value.encode()
    except UnicodeEncodeError:
        return "It holds a lone surrogate, which is no character."
    return None


def _texts(body: bytes) -> list[bytes]:
    if body.lstrip()[:1] == b"[":
        try:
            return [bytes(raw) for raw in msgspec.json.decode(body, type=list[msgspec.Raw])]
        except (msgspec.MsgspecError, RecursionError) as error:
            raise BadRequest(
                f"The body is not a JSON array: {error}.", code="malformed_json"
            ) from None
    return [line for line in body.split(b"\n") if line.strip()]

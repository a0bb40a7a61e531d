"""Targets: which collection an app's item vectors belong in.

Its name says which encoder, texts and fields it was made of, and which try at that it is:
`<alias>_<fingerprint>_<n>`. So a new encoder never meets the vectors of the old one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from afresh.features.plan import Plan
from afresh.vectors.databases import Field, Payload, Shape, Value
from afresh.vectors.text import TextEncoder, text_fields

KINDS: dict[str, Any] = {
    "str": "text", "bool": "flag", "int": "number", "float": "number", "decimal": "number",
}  # fmt: skip


class Target(NamedTuple):
    """The collections of one alias, and those of them that hold what this app would write."""

    alias: str
    fingerprint: str
    shape: Shape

    def is_own(self, name: str) -> bool:
        """Whether a collection holds what this app would write."""
        return re.fullmatch(f"{self.alias}_{self.fingerprint}_[0-9]+", name) is not None

    def of_alias(self, names: Iterable[str]) -> list[str]:
        """Those of some collections that were made for the alias, by whatever encoder."""
        return [name for name in names if re.fullmatch(f"{self.alias}_[0-9a-f]{{8}}_[0-9]+", name)]

    def next_name(self, names: Iterable[str]) -> str:
        """A collection that none of some is."""
        own = [number_of(name) for name in names if self.is_own(name)]
        return f"{self.alias}_{self.fingerprint}_{max(own, default=0) + 1}"


def number_of(name: str) -> int:
    """Which try at it a collection is."""
    return int(name.rsplit("_", 1)[1])


def target_of(alias: str, plan: Plan, encoder: TextEncoder) -> Target:
    """Where the vectors of an app's items belong."""
    fields = plan.catalog.fields
    kept = tuple(Field(f.name, KINDS[f.kind]) for f in fields if f.kind in KINDS)
    texts = [(field.name, field.default) for field in text_fields(fields)]
    said = msgspec.json.encode([encoder.name, encoder.dims, texts, kept])
    fingerprint = hashlib.sha256(said).hexdigest()[:8]
    return Target(alias, fingerprint, Shape(encoder.dims, kept))


def payload_of(record: Mapping[str, Any], shape: Shape) -> Payload:
    """What can be filtered by of an item's record; decimals are float64 there."""
    return {field.name: _value(record.get(field.name), field) for field in shape.fields}


def _value(said: Any, field: Field) -> Value:
    if said is None or field.kind != "number":
        return said  # type: ignore[no-any-return]
    return float(said)

"""The manifest of a model: what it was made from, what it reads, and what is in its folder."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from afresh.errors import AfreshError, CorruptData
from afresh.features.plan import Plan
from afresh.problems import suggest
from afresh.rank.columns import VERSION, Columns, fingerprint
from afresh.rank.inputs import Inputs

FORMAT = 1
LIGHTGBM, ONNX = "lightgbm", "onnx"
"""The kinds of models."""


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """What a model learned from: questions of the log `log` at the offsets [first, end), asked
    between the event times min_ts and max_ts, UTC ms, both inclusive."""

    log: str
    first: int
    end: int
    min_ts: int
    max_ts: int


class Column(msgspec.Struct, frozen=True):
    """A column of the matrix; meaning: what the feature was that it is made of, ""
    where it is made of none."""

    name: str
    meaning: str = ""


class Manifest(msgspec.Struct, kw_only=True):
    """files: the SHA-256 of each file beside it, by name; metrics: on the last slice of its
    data; given: whether lists that callers gave are in that data; plan: the hash of the
    definition's facts; created: UTC ms. on_top: whether its scores are added to the log-odds of the
    surface's own score, or stand in its place. data, seed: None of a model that was made
    elsewhere."""

    format: int = FORMAT
    kind: str = LIGHTGBM
    model: str
    app: str
    surface: str
    columns: list[Column]
    columns_version: int = VERSION
    plan: str
    data: Range | None
    seed: int | None
    created: int
    versions: dict[str, str]
    metrics: dict[str, Any]
    given: bool = False
    files: dict[str, str] = {}
    on_top: bool = True


def moment(ms: int) -> str:
    """A moment, UTC ms, as a person reads it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms / 1000))


def read_manifest(data: bytes, where: str) -> Manifest:
    """Raises CorruptData when it is none, or of a later kind."""
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.MsgspecError as error:
        raise CorruptData(f"{where} is no manifest of a model: {error}") from error
    if manifest.format != FORMAT or manifest.kind not in (LIGHTGBM, ONNX):
        raise CorruptData(f"{where} is of format {manifest.format}, of kind {manifest.kind!r}.")
    return manifest


def said_columns(plan: Plan, columns: Columns, names: list[str]) -> list[Column]:
    """The columns of a model about to be made."""
    known = columns.features
    return [Column(n, fingerprint(plan, known[n]) if n in known else "") for n in names]


def check_columns(manifest: Manifest, plan: Plan, inputs: Inputs) -> Columns:
    """The columns that the definition still gives for a model.

    Raises AfreshError that names the first column which is gone, or is another one now.
    """
    wanted = {column.name for column in manifest.columns}
    columns = Columns(plan, inputs, wanted)
    hint = "Train again with the definition as it is now, or roll back."
    if manifest.columns_version != VERSION:
        raise AfreshError(
            f"The model {manifest.model} reads columns of version {manifest.columns_version}, "
            f"and there are those of version {VERSION}.",
            hint=hint,
        )
    for column in manifest.columns:
        if column.name not in columns.names:
            every = Columns(plan, inputs).names
            near = suggest(column.name, every)
            raise AfreshError(
                f"The model {manifest.model} reads {column.name!r}, which the definition no "
                "longer gives.",
                hint=f"{near} {hint}" if near.startswith("Did you mean") else hint,
            )
        feature = columns.features.get(column.name)
        if feature is not None and fingerprint(plan, feature) != column.meaning:
            raise AfreshError(
                f"The model {manifest.model} reads {column.name!r}, which means something else "
                "in the definition now.",
                hint=hint,
            )
    return columns

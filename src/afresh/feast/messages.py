"""Columns as Feast's messages.

A column of numbers is written as the bytes of its message, all rows at once, and parsed by
protobuf: making a Python object for each of 500 × 30 values would take several times as long as
reading them. The wire format is protobuf's own; field numbers are asked of Feast's descriptors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus, GetOnlineFeaturesResponse
from feast.protos.feast.types.Value_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp
from numpy.typing import NDArray

from afresh.feast.columns import Column, Groups

Bytes = NDArray[np.uint8]

_VARINT, _LENGTH, _FIXED32 = 0, 2, 5


def _tag(message: Any, field: str, wire: int) -> int:
    number: int = message.DESCRIPTOR.fields_by_name[field].number
    return number << 3 | wire


Vector = GetOnlineFeaturesResponse.FeatureVector
_VALUE, _STATUS = _tag(Vector, "values", _LENGTH), _tag(Vector, "statuses", _LENGTH)
_TIME = _tag(Vector, "event_timestamps", _LENGTH)
_INT64, _FLOAT = _tag(Value, "int64_val", _VARINT), _tag(Value, "float_val", _FIXED32)


def vector(column: Column, now: int) -> bytes:
    """A FeatureVector: the values, whether each is one, and the moment (UTC ms) they are of."""
    n = len(column.null)
    if isinstance(column.values, np.ndarray):
        whole = column.values.dtype == np.int64
        rows = _varints(column.values) if whole else _floats(column.values)
        values = _messages(rows, _INT64 if whole else _FLOAT, column.null)
    else:
        values = b"".join(_delimited(_VALUE, _value(v).SerializeToString()) for v in column.values)
    statuses = np.where(column.null, FieldStatus.NULL_VALUE, FieldStatus.PRESENT)
    moment = Timestamp()
    moment.FromMilliseconds(now)
    said = _delimited(_STATUS, statuses.astype(np.uint8).tobytes())
    return values + said + _delimited(_TIME, moment.SerializeToString()) * n


def parsed(column: Column, now: int) -> Any:
    """The same as an object."""
    return Vector.FromString(vector(column, now))


def _floats(values: Any) -> tuple[Bytes, NDArray[np.int64]]:
    rows = np.ascontiguousarray(values, "<f4").view(np.uint8).reshape(-1, 4)
    return rows, np.full(len(rows), 4, np.int64)


def _varints(values: Any) -> tuple[Bytes, NDArray[np.int64]]:
    """Seven bits a byte, the lowest first, the top bit where more follow: uint8[n, longest], and
    how many bytes of each row count."""
    bits = values.view(np.uint64)
    longest = max(-(-int(bits.max(initial=0)).bit_length() // 7), 1)
    parts = bits[:, None] >> (np.arange(longest, dtype=np.uint64) * np.uint64(7))
    sizes = np.maximum((parts > 0).sum(axis=1), 1)
    low = (parts & np.uint64(0x7F)).astype(np.uint8)
    more = np.arange(longest) < (sizes - 1)[:, None]
    return low | (more.astype(np.uint8) << 7), sizes


def _messages(rows: tuple[Bytes, NDArray[np.int64]], tag: int, null: NDArray[np.bool_]) -> bytes:
    """A Value a row, each behind its tag and length; one without a number is empty."""
    body, sizes = rows
    n, width = body.shape
    out = np.empty((n, 3 + width), np.uint8)
    out[:, 0], out[:, 1], out[:, 2], out[:, 3:] = _VALUE, np.where(null, 0, sizes + 1), tag, body
    kept = np.arange(3 + width) < np.where(null, 2, sizes + 3)[:, None]
    return out[kept].tobytes()


def _value(given: list[str] | Groups) -> Any:
    made = Value()
    if isinstance(given, list):
        made.string_list_val.val.extend(given)
        made.string_list_val.SetInParent()
        return made
    made.map_val.SetInParent()
    for name, number in given.items():
        inner = made.map_val.val[name]
        if isinstance(number, int):
            inner.int64_val = number
        elif number is not None:
            inner.float_val = number
    return made


def _delimited(tag: int, body: bytes) -> bytes:
    size, length = bytearray(), len(body)
    while length > 0x7F:
        size.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([tag, *size, length]) + body

"""The file of a graph, looked over before a library opens it: it has to be whole in itself.

An ONNX file may say of its numbers that they lie in another file, at a path of its choosing. A
model in the registry is one file with one checksum, and a server opens no path that a model names.
So the file, a message of protocol buffers, is walked along the fields that lead to tensors
(onnx.proto of the ONNX specification), and none may say so.
"""

from __future__ import annotations

from collections.abc import Iterator

from afresh.errors import CorruptData

TENSOR = "tensor"
EXTERNAL_DATA, DATA_LOCATION = 13, 14
"""Fields of a tensor: where else its numbers lie, and whether they do."""
_FIELDS = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "graph": {1: "node", 5: TENSOR, 15: "sparse"},
    "node": {5: "attribute"},
    "function": {7: "node", 11: "attribute"},
    "training": {1: "graph", 2: "graph"},
    "attribute": {
        5: TENSOR, 6: "graph", 10: TENSOR, 11: "graph", 22: "sparse", 23: "sparse",
    },
    "sparse": {1: TENSOR, 2: TENSOR},
}  # fmt: skip
"""By the kind of a message, which of its fields hold which kind."""
DEEPEST = 64
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5


def check_whole(data: bytes) -> None:
    """Raises CorruptData for a file that is none of ONNX, or whose numbers lie in another."""
    _walk(memoryview(data), "model", 0)


def _walk(data: memoryview, kind: str, depth: int) -> None:
    if depth > DEEPEST:
        raise _broken()
    for field, value in _fields(data):
        if kind == TENSOR:
            if field == EXTERNAL_DATA or (field == DATA_LOCATION and value != 0):
                raise CorruptData(
                    "The model's numbers lie in another file.",
                    hint="Save it as one file: onnx.save_model(..., save_as_external_data=False).",
                )
            continue
        inner = _FIELDS[kind].get(field)
        if inner is not None:
            if not isinstance(value, memoryview):
                raise _broken()
            _walk(value, inner, depth + 1)


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """The number and value of each field: bytes, or a number; fixed ones are passed over."""
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        field, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield field, value
        elif kind == _BYTES:
            size, at = _varint(data, at)
            if at + size > end:
                raise _broken()
            yield field, data[at : at + size]
            at += size
        elif kind in (_EIGHT, _FOUR):
            at += 8 if kind == _EIGHT else 4
        else:
            raise _broken()
    if at > end:
        raise _broken()


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise _broken()


def _broken() -> CorruptData:
    return CorruptData(
        "The model file is no ONNX file: its fields do not add up.", hint="Export it again."
    )

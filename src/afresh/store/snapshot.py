"""Snapshots: arrays in one file, checksummed, put in place atomically.

A file is MAGIC, the length of a JSON header, the header, then the arrays one behind
the other, each on an 8-byte border. The header names the plan's hash, the log and the
offset that the state reflects, and each array's type, shape, place and CRC-32.
"""

from __future__ import annotations

import errno
import mmap
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import structlog
from numpy.typing import NDArray

from afresh.errors import CorruptData, StorageFull

MAGIC = b"afS3"
SUFFIX = ".snapshot"
_KINDS = frozenset("bui f".replace(" ", ""))

_log = structlog.get_logger("afresh.store")


class _Array(msgspec.Struct):
    name: str
    dtype: str
    shape: tuple[int, ...]
    at: int
    crc: int


class Header(msgspec.Struct):
    """What a snapshot says of itself. facts: small values beside the arrays; definition: the
    plan as JSON, so that a later definition can tell what it may go on from."""

    plan: str
    log: str
    offset: int
    facts: dict[str, Any]
    arrays: list[_Array] = []
    definition: str = ""


def write_snapshot(
    folder: Path, header: Header, arrays: dict[str, NDArray[np.generic]], *, keep: int = 2
) -> Path:
    """Write a snapshot durably; older ones than the newest `keep` are removed afterwards.

    Raises StorageFull when the disk is full; what was there before stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    blobs, at = [], 0
    header.arrays = []
    for name, array in arrays.items():
        data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
        header.arrays.append(_Array(name, array.dtype.str, array.shape, at, zlib.crc32(data)))
        blobs.append(data)
        at += -(-len(data) // 8) * 8
    text = msgspec.json.encode(header)
    path = folder / f"{header.offset:020d}{SUFFIX}"
    temporary = path.with_suffix(".partial")
    try:
        with temporary.open("wb") as file:
            file.write(MAGIC + struct.pack("<II", len(text), zlib.crc32(text)) + text)
            for data in blobs:
                file.write(data)
                file.write(b"\0" * (-len(data) % 8))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(folder)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(
                f"There is no room for a snapshot in {folder}.",
                hint="Free some space; the log holds everything meanwhile.",
            ) from error
        raise
    for old in sorted(folder.glob(f"*{SUFFIX}"))[:-keep]:
        old.unlink(missing_ok=True)
    return path


def read_snapshot(path: Path) -> tuple[Header, dict[str, NDArray[np.generic]]]:
    """Read a snapshot, every checksum checked. Raises CorruptData."""
    try:
        data = _mapped(path)
        if data[:4] != MAGIC:
            raise ValueError("it does not begin like one")
        size, crc = struct.unpack_from("<II", data, 4)
        text = data[12 : 12 + size]
        if zlib.crc32(text) != crc:
            raise ValueError("its header is damaged")
        header = msgspec.json.decode(text, type=Header)
        view, arrays = memoryview(data)[12 + size :], {}
        for a in header.arrays:
            dtype = np.dtype(a.dtype)
            if dtype.kind not in _KINDS:
                raise ValueError(f"array {a.name} holds no numbers")
            length = dtype.itemsize * int(np.prod(a.shape, dtype=np.int64))
            part = view[a.at : a.at + length]
            if len(part) != length or zlib.crc32(part) != a.crc:
                raise ValueError(f"array {a.name} is damaged")
            arrays[a.name] = np.frombuffer(part, dtype).reshape(a.shape)
    except (ValueError, struct.error, msgspec.MsgspecError, TypeError) as error:
        raise CorruptData(f"{path} is not a good snapshot: {error}.") from error
    return header, arrays


def _mapped(path: Path) -> mmap.mmap:
    """A file's bytes, read as they are asked for; an empty file cannot be mapped: ValueError."""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def newest_snapshots(folder: Path) -> Iterator[Path]:
    """Snapshot files, the newest first."""
    yield from sorted(folder.glob(f"*{SUFFIX}"), reverse=True)


def good_snapshots(
    folder: Path, log_id: str, log_start: int, log_end: int
) -> Iterator[tuple[Path, Header, dict[str, NDArray[np.generic]]]]:
    """Those of a log that reach it, read, the newest first; a damaged one is set aside with a
    warning."""
    for path in newest_snapshots(folder):
        try:
            header, arrays = read_snapshot(path)
        except FileNotFoundError:
            continue  # whoever writes the log has just taken newer ones
        except CorruptData as error:
            _log.warning("snapshot_set_aside", path=str(set_aside(path)), reason=str(error))
            continue
        if header.log == log_id and log_start <= header.offset <= log_end:
            yield path, header, arrays


def snapshot_offset(path: Path) -> int:
    """The offset that a snapshot's name says it reflects."""
    return int(path.stem)


def set_aside(path: Path) -> Path:
    """Rename a bad snapshot so that it is not tried again, and can be looked at."""
    return path.replace(path.with_suffix(".bad"))


def sync_folder(folder: Path) -> None:
    """Make what was renamed in a folder last."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

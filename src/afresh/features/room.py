"""Room: where a state's arrays live, in memory or, under a ceiling, in files.

Under a ceiling every large array is a shared mapping of a file without a name. What is touched
is in memory; when more is resident than allowed, all of it is given back: the kernel keeps the
pages in its cache for as long as it has nothing better to do with the memory, and on the disk
after that. The hot ones are back at their next touch, cold keys stay out until somebody asks
for them, whole. Where a page lies changes no value, so nothing else knows of this.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from afresh.errors import AfreshError

SMALL = 1 << 20
"""Bytes below which an array stays in ordinary memory."""

_PAGE = mmap.PAGESIZE
_STATM = Path("/proc/self/statm")

_log = structlog.get_logger("afresh.memory")


class _Mapping(mmap.mmap):
    """A mapping that knows its file, so that the file can grow under a new one."""

    file: int

    def __del__(self) -> None:
        os.close(self.file)


class Room:
    """Makes arrays. ceiling: bytes of them that may be resident, None: any; folder: where the
    files are made. One thread at a time. Raises AfreshError where a ceiling cannot be held."""

    def __init__(self, ceiling: int | None = None, folder: Path | None = None) -> None:
        if ceiling is not None and not self.is_possible():
            text = "A ceiling on memory (setting state_memory) cannot be held on this system."
            raise AfreshError(text, hint="Leave it out; it works on Linux.")
        self.ceiling, self.folder = ceiling, folder
        self._mappings: weakref.WeakSet[_Mapping] = weakref.WeakSet()
        self._before = 0 if ceiling is None else _file_pages()
        self._warned = False

    def beside(self) -> Room:
        """A room for another thread, that holds the same ceiling together with this one."""
        room = Room(self.ceiling, self.folder)
        room._before = self._before
        return room

    @staticmethod
    def is_possible() -> bool:
        """Whether this system can hold a ceiling."""
        return _STATM.exists() and hasattr(mmap, "MADV_DONTNEED")

    def empty(self, shape: int | Sequence[int], dtype: Any) -> NDArray[Any]:
        """An array whose cells may hold anything."""
        dims = (shape,) if isinstance(shape, int) else tuple(shape)
        size = prod(dims) * np.dtype(dtype).itemsize
        mapping = self._mapped(size, None) if self._is_large(size) else None
        if mapping is None:
            return np.empty(dims, dtype)
        return np.ndarray(dims, dtype, buffer=mapping)

    def full(self, n: int, value: int, dtype: Any) -> NDArray[Any]:
        made = self.empty(n, dtype)
        made.fill(value)
        return made

    def grown(self, array: NDArray[Any], capacity: int) -> NDArray[Any]:
        """The array with room for `capacity` rows; one in a file is not copied, so the one given
        must not be used any more."""
        dims = (capacity, *array.shape[1:])
        size, base = prod(dims) * array.itemsize, array.base
        if isinstance(base, _Mapping) and (longer := self._mapped(size, base)) is not None:
            return np.ndarray(dims, array.dtype, buffer=longer)
        larger = self.empty(dims, array.dtype)
        larger[: len(array)] = array
        return larger

    def longer(self, array: NDArray[Any], least: int) -> NDArray[Any]:
        """The array with room for `least` rows and more to come; use it instead of the one given.

        In memory four times as long: pages that nobody wrote cost nothing, and a copy does.
        """
        times = 4 if self.ceiling is None else 2
        return self.grown(array, max(times * len(array), least))

    def roomy(self, array: NDArray[Any]) -> NDArray[Any]:
        """A copy with a quarter more room, so that the next event need not make some."""
        larger = self.empty((len(array) * 5 // 4 + 256, *array.shape[1:]), array.dtype)
        larger[: len(array)] = array
        return larger

    def taken(self, array: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
        """array[rows], of an array with one dimension."""
        return np.take(array, rows, out=self.empty(len(rows), array.dtype), mode="clip")

    def copied(self, array: NDArray[Any]) -> NDArray[Any]:
        made = self.empty(array.shape, array.dtype)
        made[...] = array
        return made

    def resident(self) -> int:
        """Bytes of files mapped into this process that are in memory, beyond those at first."""
        return max(_file_pages() - self._before, 0) * _PAGE

    def give_back(self) -> None:
        """Hold the ceiling: a few microseconds when it is held. What is mapped stays
        usable, in any thread."""
        if self.ceiling is None or self.resident() <= self.ceiling:
            return
        for mapping in list(self._mappings):
            mapping.madvise(mmap.MADV_DONTNEED)

    def _is_large(self, size: int) -> bool:
        return self.ceiling is not None and size >= SMALL

    def _mapped(self, size: int, shorter: _Mapping | None) -> _Mapping | None:
        """A mapping of `size` bytes, of the file of a shorter one or a new one; None: the disk
        has no room for it."""
        file = _unnamed(self.folder) if shorter is None else os.dup(shorter.file)
        try:
            os.posix_fallocate(file, 0, size)  # a hole could not be filled on a full disk
            mapping = _Mapping(file, size)
        except OSError as error:
            os.close(file)
            if not self._warned:
                self._warned = True
                _log.warning("memory_ceiling_not_held", reason=str(error), bytes=size)
            return None
        mapping.file = file
        if hasattr(mmap, "MADV_RANDOM"):
            mapping.madvise(mmap.MADV_RANDOM)
        self._mappings.add(mapping)
        return mapping


MEMORY = Room()
"""Ordinary memory, without a ceiling."""


def _unnamed(folder: Path | None) -> int:
    """An open file that is gone when it is closed, however the process ends."""
    handle, name = tempfile.mkstemp(prefix="state-", suffix=".pages", dir=folder)
    os.unlink(name)
    return handle


def _file_pages() -> int:
    """Pages of files that are mapped into this process and in memory."""
    return int(_STATM.read_text(encoding="ascii").split()[2])

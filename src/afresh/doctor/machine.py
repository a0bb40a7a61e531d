"""Examinations of a machine and a folder: what would stop or slow a server here."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from afresh.doctor import Finding
from afresh.errors import AfreshError
from afresh.settings import Settings, check_exposure

PACKAGES = ("litestar", "msgspec", "numba", "numpy", "polars", "uvicorn", "uvloop", "httptools")
GIB = 2**30
SLOW_SYNC_MS = 20.0


def examine() -> Iterator[Finding]:
    """Python, packages, kernels, clock."""
    yield from (_python(), _packages(), _sqlite(), _kernels(), _clock())


def examine_folder(settings: Settings) -> Iterator[Finding]:
    """The data folder, its disk and lock, and the port."""
    yield from (_disk(settings), _sync(settings), _lock(settings), _port(settings))


def _python() -> Finding:
    text = f"{sys.version.split()[0]} at {sys.executable}"
    if sys.hexversion < 0x030B0000:
        return Finding("python", "error", text, "Install Python 3.11 or newer.")
    return Finding("python", "ok", text)


def _packages() -> Finding:
    there, gone = [], []
    for name in PACKAGES:
        try:
            there.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            gone.append(name)
    if gone:
        return Finding("packages", "error", f"Missing: {', '.join(gone)}", "pip install afresh")
    return Finding("packages", "ok", ", ".join(there))


def _sqlite() -> Finding:
    text = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < (3, 37):
        return Finding("sqlite", "error", text, "SQLite 3.37 is needed; use a newer Python build.")
    return Finding("sqlite", "ok", text)


def _kernels() -> Finding:
    """Whether compiled kernels can be kept, so that only the first start compiles."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    folder = Path(named) if named else Path(__file__).parents[1]
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return Finding("kernels", "error", "NUMBA_DISABLE_JIT is set", "Unset it: it costs 100 ×.")
    if os.access(_nearest(folder), os.W_OK):
        return Finding("kernels", "ok", f"Kept compiled under {folder}")
    hint = "Set NUMBA_CACHE_DIR to a folder that can be written; else every start compiles."
    return Finding("kernels", "warning", f"{folder} cannot be written", hint)


def _clock() -> Finding:
    now = time.gmtime()
    text = time.strftime("%Y-%m-%dT%H:%M:%SZ", now)
    if not 2025 <= now.tm_year < 2100:
        return Finding("clock", "error", text, "Set the clock: events are admitted by it.")
    return Finding("clock", "ok", text)


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    at = folder.absolute()
    while not at.exists():
        at = at.parent
    return at


def _disk(settings: Settings) -> Finding:
    at = _nearest(settings.data)
    free = shutil.disk_usage(at).free
    text = f"{free / GIB:.1f} GiB free at {at}"
    if not at.is_dir() or not os.access(at, os.W_OK):
        return Finding("disk", "error", f"{at} cannot be written", "Choose another --data folder.")
    if free < GIB // 4:
        return Finding("disk", "error", text, "Make room; a full disk refuses events (507).")
    if free < 2 * GIB:
        return Finding("disk", "warning", text, "Make room, or set log_max_bytes.")
    return Finding("disk", "ok", text)


def _sync(settings: Settings) -> Finding:
    """How long it takes until bytes are on disk: the floor of every acknowledgement."""
    took = []
    try:
        with tempfile.TemporaryFile(dir=_nearest(settings.data)) as file:
            for _ in range(9):
                file.write(b"\0" * 4096)
                file.flush()
                began = time.perf_counter()
                os.fsync(file.fileno())
                took.append((time.perf_counter() - began) * 1000)
    except OSError as error:
        return Finding("sync", "error", f"Writing failed: {error}", "See the disk above.")
    middle = sorted(took)[len(took) // 2]
    text = f"{middle:.2f} ms to make 4 KiB durable"
    if middle > SLOW_SYNC_MS:
        return Finding("sync", "warning", text, "Single events will wait that long; use an SSD.")
    return Finding("sync", "ok", text)


def _lock(settings: Settings) -> Finding:
    from afresh.log.sqlite_file import lock

    folder = settings.data
    if not (folder / "log.lock").exists():
        return Finding("folder", "ok", f"{folder} holds no log yet")
    try:
        os.close(lock(folder))
    except AfreshError as error:
        return Finding("folder", "warning", error.message, error.hint)
    except OSError as error:
        return Finding("folder", "error", f"{folder}: {error}", "Check who owns the folder.")
    return Finding("folder", "ok", f"{folder} is free")


def _port(settings: Settings) -> Finding:
    where = f"{settings.host}:{settings.port}"
    try:
        check_exposure(settings)
    except AfreshError as error:
        return Finding("port", "error", error.message, error.hint)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            hint = "Take another with --port."
            return Finding("port", "warning", f"{where}: {error.strerror}", hint)
    return Finding("port", "ok", f"{where} is free")

"""Vectors learned from visits, kept fresh while a server runs: fitted again, and exchanged.

One process, the one that writes, fits: of a copy of what the state knows, in a thread of its own.
Every process that answers, that one too, looks at the shelf every second, takes in what is new
beside what is in use, and exchanges the two by one assignment: no request waits for it.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

import structlog

from afresh.errors import AfreshError
from afresh.stages.refits import exchange
from afresh.stages.sources import Sources
from afresh.surfaces.spec import Surface
from afresh.vectors.fitting import fit_known, known_now
from afresh.vectors.shelf import FOLDER, Shelf, made_at

EVERY_S = 1.0
"""Seconds from one look to the next."""
AGAIN_S = 60.0
"""Seconds until a fit is tried again that could not be made."""

_log = structlog.get_logger("afresh.vectors")


class LearnedVectors:
    """Looks after the learned vectors of a replica's sources.

    every: ms from one fit to the next; 0: this process makes none.
    """

    def __init__(
        self, folder: Path, sources: Sources, surfaces: tuple[Surface, ...], every: int = 0
    ) -> None:
        self.shelf = Shelf(folder / FOLDER)
        self.sources, self.every = sources, every
        self.needed = any(surface.embedded for surface in surfaces)
        self._tried = float("-inf")
        self._refused = ""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="afresh-vectors", daemon=True)

    def start(self) -> None:
        """Look from time to time; nothing where no surface has such a source."""
        if self.needed:
            self._thread.start()

    def close(self) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def age(self) -> float | None:
        """How long ago the vectors in use were fitted, in seconds; None where there are none."""
        held = self.sources.behaviour
        return time.time() - made_at(held.name) / 1000 if held is not None else None

    def look(self) -> None:
        """Fit if it is time, and use what is newest."""
        if self.every and self._due():
            self._fit()
        name = self.shelf.newest()
        held = self.sources.behaviour
        if name and name != self._refused and (held is None or held.name != name):
            self._use(name)

    def _due(self) -> bool:
        replica, newest = self.sources.replica, self.shelf.newest()
        if replica.warming is not None or time.monotonic() - self._tried < AGAIN_S:
            return False
        return not newest or time.time() * 1000 - made_at(newest) >= self.every

    def _fit(self) -> None:
        self._tried = began = time.monotonic()
        replica = self.sources.replica
        try:
            with replica.lock:
                known = known_now(replica, self.sources.texts)
            fitted = fit_known(known)
            name = self.shelf.add(fitted, time.time_ns() // 1_000_000)
        except (AfreshError, OSError) as error:
            _log.info("vectors_not_fitted", reason=str(error))
            return
        seconds = round(time.monotonic() - began, 3)
        _log.info(
            "vectors_fitted", vectors=name, items=len(fitted), events=len(known.ts), seconds=seconds
        )

    def _use(self, name: str) -> None:
        try:
            fitted = self.shelf.read(name)
        except AfreshError as error:
            self._refused = name
            _log.error("vectors_refused", vectors=name, reason=str(error))
            return
        made = exchange(self.sources, fitted)
        _log.info("vectors_in_force", vectors=name, items=len(made) if made is not None else 0)

    def _run(self) -> None:
        while True:
            try:
                self.look()
            except Exception:
                _log.exception("vectors_not_looked_at")
            if self._closing.wait(EVERY_S):
                return

"""Which trained rankers are in force, looked up again every second.

A promotion is a file that is replaced; the process that serves, each of them if there are several,
notices, loads the model and tests it in a thread of its own, and only then exchanges it, by one
assignment: requests go on meanwhile with the one before, and none is dropped or waits. A model
that cannot rank is refused and named; whatever ranked before goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from afresh.errors import AfreshError
from afresh.features.plan import Plan
from afresh.rank.inputs import Inputs
from afresh.rank.registry import Registry
from afresh.rank.trained import Chosen, Ranker, load_ranker
from afresh.surfaces.spec import Surface

EVERY_S = 1.0
"""Seconds from one look to the next."""
FOLDER = "models"
"""The registry's folder, in the data folder."""
HELD = 8
"""Rankers of the past that are kept at hand, for replays."""

_log = structlog.get_logger("afresh.models")

Rankers = Mapping[str, Chosen]


class Promoted:
    """Looks after the rankers of an app's surfaces. install: hears of each new set of them."""

    def __init__(
        self, folder: Path, plan: Plan, surfaces: tuple[Surface, ...],
        install: Callable[[Rankers], None],
    ) -> None:  # fmt: skip
        self.registry = Registry(folder / FOLDER)
        self.plan, self.install = plan, install
        self.inputs = {surface.name: surface.inputs for surface in surfaces}
        self.rankers: dict[str, Chosen] = {}
        self._seen: tuple[int, ...] = ()
        self._held: dict[tuple[str, str], Ranker] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="afresh-models", daemon=True)

    def start(self) -> None:
        """Load what is in force, then look again from time to time."""
        self.look()
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Load what was promoted since the last look, if anything was."""
        now = self._mark()
        if now == self._seen:
            return
        self._seen = now
        try:
            turns = self.registry.turns()
        except (AfreshError, OSError) as error:
            _log.error("promotions_unread", reason=str(error))
            return
        made = dict(self.rankers)
        for surface in self.inputs:
            name = turns[surface][-1].model if surface in turns else ""
            made[surface] = self._chosen(surface, name, made.get(surface, Chosen()))
        self.rankers = made
        self.install(made)

    def ranker(self, name: str, surface: str) -> Ranker:
        """A model by its name, whether it ranks now or not. Raises as `load_ranker`."""
        held = self._held.get((name, surface))
        if held is None:
            held = load_ranker(self.registry, name, self.plan, self.inputs.get(surface, Inputs()))
            while len(self._held) >= HELD:
                self._held.pop(next(iter(self._held)), None)
            self._held[name, surface] = held
        return held

    def at(self, surface: str, moment: int) -> Rankers:
        """What ranked a surface at a moment, UTC ms. Raises as `load_ranker`."""
        name = self.registry.promoted(surface, moment)
        return {surface: Chosen(self.ranker(name, surface))} if name else {}

    def _chosen(self, surface: str, name: str, before: Chosen) -> Chosen:
        if not name or (before.ranker is not None and before.ranker.name == name):
            return Chosen(before.ranker if name else None)
        try:
            ranker = self.ranker(name, surface)
        except (AfreshError, OSError) as error:
            _log.error("model_refused", model=name, surface=surface, reason=str(error))
            return Chosen(before.ranker, name)
        _log.info("model_in_force", model=name, surface=surface)
        return Chosen(ranker)

    def _mark(self) -> tuple[int, ...]:
        """What changes whenever the file is replaced; () where there is none."""
        try:
            said = self.registry.promoted_file.stat()
        except OSError:
            return ()
        return said.st_ino, said.st_mtime_ns, said.st_size

    def _run(self) -> None:
        while not self._closing.wait(EVERY_S):
            try:
                self.look()
            except Exception:
                _log.exception("models_not_looked_at")

"""Backfill: a changed definition's state, folded from the log while the old one's answers.

The fold runs in a thread of its own, from the log's start into a replica of its own, and takes
at most half of one core. What is written meanwhile it follows; once it is close behind, whoever
folds lets it finish and goes on with its state. So the result is a fold from nothing by
construction, and there is nothing to take back when the process dies on the way.
"""

from __future__ import annotations

import threading
import time

import structlog

from afresh.events.batch import EventBatch, decode_batch
from afresh.features.plan import Plan
from afresh.features.room import MEMORY, Room
from afresh.log import Entry, Log
from afresh.store.replica import Replica

PART = 2_048
"""Events folded before others get a turn."""

WORK_S = 0.005
"""So long it works before it rests as long."""

NEAR = 10_000
"""Records behind the log that the folding thread may be asked to wait for."""

POLL_S = 0.02

SAY_EVERY_S = 10.0

_log = structlog.get_logger("afresh.backfill")


class Backfill:
    """Folds a log from its start into `replica`; `near` is set once little is left.

    done and total count records of the log: folded, and to be folded so far.
    """

    def __init__(self, log: Log, plan: Plan, room: Room = MEMORY) -> None:
        self.log, self.replica = log, Replica(plan, room)
        self.start_offset = log.start
        self.near = threading.Event()
        self.failure = ""
        self._closing = threading.Event()
        self._began = self._said_at = self._rested_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="afresh-backfill", daemon=True)

    @property
    def done(self) -> int:
        return max(self.replica.offset - self.start_offset, 0)

    @property
    def total(self) -> int:
        return self.log.end - self.start_offset

    def start(self) -> None:
        self._began = self._said_at = self._rested_at = time.monotonic()
        self._thread.start()

    def close(self) -> None:
        """Stop; nothing of it remains."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def finish(self, replica: Replica) -> bool:
        """Fold the rest and make `replica` go on from here; nothing else may be writing.

        False when folding fails, or failed before: what it left half done is never used.
        """
        self.close()
        try:
            for entry in self.log.read(self.replica.offset) if not self.failure else ():
                self.replica.apply(entry)
        except Exception as error:
            self._failed(error)
        if self.failure:
            return False
        self.replica.offset = max(self.replica.offset, self.log.end)
        replica.become(self.replica)
        seconds = round(time.monotonic() - self._began, 3)
        _log.info("backfill_done", records=self.done, seconds=seconds)
        return True

    def _failed(self, error: Exception) -> None:
        self.failure = getattr(error, "message", str(error)) or type(error).__name__
        self.near.clear()
        _log.exception("backfill_failed", hint="The next start tries again.")

    def _run(self) -> None:
        try:
            self._follow()
            self.replica.pack()
            self._follow()
            self.near.set()
            while not self._closing.wait(POLL_S):
                self._follow()
        except Exception as error:
            self._failed(error)

    def _follow(self) -> None:
        """Fold until less than NEAR is left to fold."""
        behind = NEAR + 1
        while behind > NEAR and not self._closing.is_set():
            behind = self.log.end - self.replica.offset
            for entry in self.log.read(self.replica.offset):
                self._fold(entry)
                if self._closing.is_set():
                    return
                if not self.near.is_set():  # a sweep takes long, and somebody may be waiting
                    self.replica.tidy()
                    self._say()

    def _fold(self, entry: Entry) -> None:
        """Fold an entry, part by part, resting in between; always the whole of it."""
        parts: list[EventBatch] = []
        if entry.kind == "events" and entry.n > PART:
            parts = decode_batch(entry.payload).cut(PART)
        for part in parts[:-1]:
            self.replica.fold_events(part, self.replica.offset)
            self._rest()
        if parts:
            self.replica.fold_events(parts[-1], entry.end)
        else:
            self.replica.apply(entry)
        self._rest()

    def _rest(self) -> None:
        spent = time.monotonic() - self._rested_at
        if spent >= WORK_S:
            self._closing.wait(spent)
            self._rested_at = time.monotonic()

    def _say(self) -> None:
        if time.monotonic() - self._said_at >= SAY_EVERY_S:
            self._said_at = time.monotonic()
            _log.info("backfill_progress", done=self.done, total=self.total)

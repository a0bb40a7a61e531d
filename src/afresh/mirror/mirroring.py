"""Mirroring: the thread that reads the topics, keeps what it read, and folds it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from afresh.errors import AfreshError, StorageFull, Unavailable
from afresh.events.admission import Admission
from afresh.events.batch import EventBatch, decode_batch
from afresh.log import Pending
from afresh.log.kafka.consuming import Consuming
from afresh.log.sqlite import SqliteLog
from afresh.mirror.chunk import Reading, Unreadable
from afresh.store.replica import Replica

WAIT_S = 0.05
"""How long the topics are waited for before who waits is looked at again."""
HOUSE_S = 1.0
AGAIN_S = 0.2
"""How long a mirror that takes nothing is left alone."""
SILENCE_S = 2.0
"""After so long without a message the brokers are asked whether they are there."""

_log = structlog.get_logger("afresh.mirror")


class Mirroring:
    """Follows the topics from where the mirror is.

    After each portion, `advanced` is called with how far reading has come: it is in the mirror and
    in the state. `unread` hears of messages that are not ours; `keep_house` is called about once a
    second.
    """

    def __init__(
        self,
        log: SqliteLog,
        replica: Replica,
        admission: Admission,
        consuming: Consuming,
        reading: Reading,
        *,
        advanced: Callable[[tuple[int, ...]], None],
        unread: Callable[[list[Unreadable]], None],
        keep_house: Callable[[], None],
    ) -> None:
        self.log, self.replica, self.admission = log, replica, admission
        self.consuming, self.reading = consuming, reading
        self.advanced, self.unread, self.keep_house = advanced, unread, keep_house
        self.admitting = threading.Lock()
        """Held while the door's memory is used."""
        self.folded: list[Callable[[EventBatch], None]] = []
        self.vector: tuple[int, ...] = ()
        self.broken: AfreshError | None = None
        self.copies = 0
        self.cut_off = False
        """Whether the brokers did not answer when they were asked last."""
        self._heard_at = time.monotonic()
        self._kept_house_at = 0.0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="afresh-mirror", daemon=True)

    def begin(self, progress: Callable[[str, int, int], None]) -> None:
        """Go on from where the mirror ends, and read what the topics hold now.

        Raises CorruptData when the brokers dropped what the mirror has not, Unavailable when they
        are not there.
        """
        bounds = self.consuming.bounds()
        new = not self.log.end
        self.vector = tuple(first for first, _ in bounds) if new else self.log.vector
        self.replica.vector = self.vector
        self._remember()
        self.consuming.begin(self.vector)
        left = total = self._left(bounds)
        while left > 0:
            self._read(1.0)
            self.replica.tidy()
            left = self._left(bounds)
            progress("fold", total - left, total)
        if total > 100_000:
            self.replica.pack()

    def behind(self) -> int:
        """How many records the topics hold, as far as was heard, that the state has not."""
        pairs = zip(self.vector, self.consuming.ends(), strict=False)
        return sum(max(end - at, 0) for at, end in pairs)

    def _left(self, bounds: list[tuple[int, int]]) -> int:
        return sum(max(end - at, 0) for at, (_, end) in zip(self.vector, bounds, strict=True))

    def _remember(self) -> None:
        """The events whose copies may still come."""
        since = max(self.log.arrival - self.reading.copies.horizon_ms, 0)
        for entry in self.log.since(since):
            if entry.kind == "events" and entry.held:
                self.reading.copies.first(decode_batch(entry.payload), entry.arrival)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing = True
        if self._thread.is_alive():
            self._thread.join()
        self.consuming.close()

    def _run(self) -> None:
        while not self._closing:
            try:
                self._read(WAIT_S)
                self.advanced(self.vector)
                self._keep_house()
            except AfreshError as error:
                self._stop(error)
                return
            except Exception as error:
                _log.critical("mirroring_ended", exc_info=error)
                self._stop(Unavailable(f"The state could not follow the log: {error}."))
                return

    def _stop(self, error: AfreshError) -> None:
        """Answers go on from what is there; nothing more is taken until the next start."""
        _log.critical("mirroring_ended", reason=error.message, hint=error.hint)
        self.broken = error
        self.advanced(self.vector)

    def _read(self, timeout_s: float) -> None:
        taken = self.consuming.take(timeout_s)
        if not taken:
            self._ask()
            return
        self._heard_at, self.cut_off = time.monotonic(), False
        chunk = self.reading.chunk(taken, self.vector, self.log.arrival)
        self.copies += chunk.copies
        if chunk.entries:
            offsets = self._kept(chunk.entries)
            self.cut_off = False
            for entry, offset in zip(chunk.entries, offsets, strict=True):
                self._fold(entry, chunk.batch, offset + entry.n)
        self.vector = self.replica.vector = chunk.vector
        if chunk.batch is not None:
            self._tell(chunk.batch, chunk.arrival)
        if chunk.unreadable:
            self.unread(chunk.unreadable)

    def _kept(self, entries: list[Pending]) -> list[int]:
        """Have the mirror keep them, however long it takes: a full disk gets room again."""
        while True:
            try:
                return self.log.append(entries)
            except (StorageFull, Unavailable) as error:
                if self._closing:
                    raise
                if not self.cut_off:
                    _log.warning("mirror_waits", reason=error.message, hint=error.hint)
                self.cut_off = True
                self.advanced(self.vector)
                time.sleep(AGAIN_S)

    def _ask(self) -> None:
        """Silence may be that nothing happens, or that nothing is heard."""
        if time.monotonic() - self._heard_at >= SILENCE_S:
            self.cut_off = not self.consuming.answers()
            self._heard_at = time.monotonic()

    def _fold(self, entry: Pending, batch: EventBatch | None, end: int) -> None:
        if entry.kind == "items":
            self.replica.fold_items(entry.payload, end, entry.vector)
        elif entry.kind == "weights":
            self.replica.fold_weights(entry.payload, end, entry.vector)
        elif batch is not None:
            self.replica.fold_events(batch, end, entry.vector)

    def _tell(self, batch: EventBatch, arrival: int) -> None:
        if arrival > time.time_ns() // 1_000_000 - self.reading.copies.horizon_ms:
            with self.admitting:
                self.admission.remember(batch, arrival)
        for hear in self.folded:
            hear(batch)

    def _keep_house(self) -> None:
        now = time.monotonic()
        if now - self._kept_house_at >= HOUSE_S:
            self._kept_house_at = now
            try:
                self.keep_house()
            except Exception:
                _log.exception("housekeeping_failed")

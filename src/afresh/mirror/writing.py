"""Writing: what waits is admitted and goes to the brokers; it is acknowledged when it is back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import structlog

from afresh.committer import as_afresh_error
from afresh.counters import Counters, rejections
from afresh.errors import AfreshError
from afresh.events.admission import Admission, Admitted
from afresh.events.batch import EventBatch
from afresh.events.columnar import Columnar
from afresh.inbox import Inbox
from afresh.items import ItemDecoder
from afresh.log.kafka.producing import Producing, Written
from afresh.log.kafka.receiving import place
from afresh.log.kafka.topics import Found, Topics
from afresh.log.kafka.wire import Wire, placed
from afresh.mirror.chunk import Unreadable
from afresh.mirror.mirroring import Mirroring
from afresh.mirror.receipts import Receipts, Slip
from afresh.records import Written as Records
from afresh.records import resolved
from afresh.store.replica import Replica
from afresh.submission import Outcome, Submission, settle, shares

_log = structlog.get_logger("afresh.mirror")


class MirrorWriter:
    """Admits submissions in order and writes them to the topics; `Mirroring` brings them back."""

    def __init__(
        self,
        replica: Replica,
        admission: Admission,
        topics: Topics,
        found: Found,
        producing: Producing,
        wire: Wire,
        *,
        queue_events: int,
        group_events: int,
    ) -> None:
        self.replica, self.admission = replica, admission
        self.topics, self.found, self.producing, self.wire = topics, found, producing, wire
        self.columnar = Columnar(replica.plan.accepted)
        self.items = ItemDecoder(replica.plan.catalog)
        self.inbox = Inbox(queue_events, group_events)
        self.counters = Counters()
        self.receipts = Receipts(self._settle)
        self.mirroring: Mirroring | None = None
        self._coming: Records = {}
        self._items_under_way = 0
        self._no_items = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="afresh-writer", daemon=True)

    @property
    def failure(self) -> AfreshError | None:
        """Why the last write failed; None when it did not."""
        return self.broken or self.receipts.failure

    @property
    def broken(self) -> AfreshError | None:
        return self._mirroring.broken

    @property
    def folded(self) -> list[Callable[[EventBatch], None]]:
        return self._mirroring.folded

    @property
    def _mirroring(self) -> Mirroring:
        assert self.mirroring is not None
        return self.mirroring

    def start(self) -> None:
        self._mirroring.start()
        self._thread.start()

    def close(self) -> None:
        """Finish what waits, then stop."""
        self.inbox.close()
        if self._thread.is_alive():
            self._thread.join()
        self.producing.close()
        late = time.monotonic() + 2.0
        while self.inbox.waiting and time.monotonic() < late:
            time.sleep(0.01)
        self._mirroring.close()

    def submit(self, submission: Submission) -> None:
        """Queue a submission. Raises Overloaded when too much waits, Unavailable when closed."""
        self.inbox.put(submission)

    def submit_all(self, submissions: list[Submission]) -> None:
        """Queue submissions that came together; one that cannot be taken is settled with why."""
        self.inbox.put_all(submissions)

    def advanced(self, vector: tuple[int, ...]) -> None:
        """The state has come so far."""
        self.receipts.advance(vector, self.broken)

    def _run(self) -> None:
        while True:
            with self.inbox.wake:
                group = self.inbox.take()
            if not group:
                return
            try:
                if self.broken is not None:
                    raise self.broken
                if group[0].kind == "events":
                    self._write_events(group)
                elif group[0].kind == "items":
                    self._write_items(group)
                else:
                    self._write_weights(group)
            except Exception as error:
                settle(group, [as_afresh_error(error)] * len(group))
                self.inbox.done(group)

    def _write_events(self, group: list[Submission]) -> None:
        self._after_items()
        events = group[0].events if len(group) == 1 else [e for s in group for e in s.events]
        columns = self.columnar.columns(events)
        with self._mirroring.admitting:
            admitted = self.admission.admit(columns.batch, _now())
        rejected = rejections(columns, admitted)
        duplicates = columns.rows[admitted.duplicates].tolist()
        self.counters.commit(admitted, rejected)
        slip = Slip(
            group,
            shares(group, duplicates, rejected, ()),
            rests=bool(duplicates),
            refused=lambda: self._take_back(admitted),
        )
        batch = admitted.batch
        try:
            keys, where = placed(batch, self.found.events)
            self._send(slip, self.topics.events, keys, self.wire.encode(batch), where, 0)
            self._write_late(admitted)
        except BaseException:
            self._take_back(admitted)
            raise

    def _send(
        self, slip: Slip, topic: str, keys: Sequence[str], values: Sequence[bytes | None],
        where: np.ndarray[tuple[int], np.dtype[np.int64]], first: int,
    ) -> None:  # fmt: skip
        """first: where the topic's partitions stand in a vector."""
        self.receipts.expect(slip)
        if not len(values):
            self.receipts.written(slip, Written())
            self.receipts.advance(self._mirroring.vector, self.broken)
            return

        def done(written: Written) -> None:
            self.receipts.written(slip, written, first)
            self.receipts.advance(self._mirroring.vector, self.broken)

        try:
            self.producing.write(topic, keys, values, where, done)
        except BaseException:  # whatever it is: one that stays would hold up all behind it
            self.receipts.withdraw(slip)
            raise

    def _write_late(self, admitted: Admitted) -> None:
        if admitted.late:
            keys = [str(ts) for ts, _ in admitted.late]
            self._keep(self.topics.late, keys, [payload for _, payload in admitted.late])

    def _keep(self, topic: str, keys: list[str], values: list[bytes]) -> None:
        """Write what nobody waits for; what cannot be kept is said, and holds nothing up."""
        try:
            self.producing.write(topic, keys, values, np.zeros(len(values), np.int64), _forget)
        except AfreshError as error:
            _forget(Written(error=error))

    def _write_items(self, group: list[Submission]) -> None:
        records, outcomes = resolved(group, self.items, self.replica.catalog, self._coming)
        values = [None if self._coming[item] is None else record for item, record in records]
        slip = Slip(group, outcomes, settled=self._items_settled, refused=self._coming.clear)
        with self._no_items:
            self._items_under_way += 1
        where = np.zeros(len(records), np.int64)
        keys = [item for item, _ in records]
        try:
            self._send(slip, self.topics.items, keys, values, where, self.found.events)
        except BaseException:
            self._items_settled()
            raise

    def _items_settled(self) -> None:
        with self._no_items:
            self._items_under_way -= 1
            if not self._items_under_way:
                self._coming = {}
            self._no_items.notify_all()

    def _after_items(self) -> None:
        """Events see every record before them; the brokers may take their time."""
        with self._no_items:
            self._no_items.wait_for(lambda: not self._items_under_way, 1.0)

    def _write_weights(self, group: list[Submission]) -> None:
        slip = Slip(group, [Outcome(accepted=1) for _ in group])
        keys, where, first = ["weights"], np.zeros(1, np.int64), self.found.events + 1
        self._send(slip, self.topics.weights, keys, [group[-1].weights], where, first)

    def set_aside(self, unreadable: list[Unreadable]) -> None:
        """Keep messages that are not ours in the topic of dead ones, once, with the reason."""
        for u in unreadable:
            m = u.message
            where = place(m)
            _log.warning("message_not_read", place=where, reason=u.reason)
            text = (m.value() or b"").decode(errors="replace")
            value = msgspec.json.encode({"at": where, "reason": u.reason, "value": text})
            self._keep(self.topics.dead, [where], [value])

    def _take_back(self, admitted: Admitted) -> None:
        with self._mirroring.admitting:
            self.admission.take_back(admitted)

    def _settle(self, slip: Slip, results: Sequence[Outcome | AfreshError]) -> None:
        settle(slip.group, results)
        self.inbox.done(slip.group)
        slip.settled()


def _forget(written: Written) -> None:
    if written.error is not None:
        _log.warning("not_kept", reason=written.error.message)


def _now() -> int:
    return time.time_ns() // 1_000_000

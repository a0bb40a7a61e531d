"""A runtime whose log is shared with other servers, by topics on Kafka."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from afresh.app import App
from afresh.events.batch import EventBatch
from afresh.features.columns import item_columns
from afresh.features.room import Room
from afresh.log.kafka.address import address_of
from afresh.log.kafka.consuming import Consuming
from afresh.log.kafka.producing import Producing
from afresh.log.kafka.topics import Cluster, Found, topics_of
from afresh.log.kafka.wire import Wire
from afresh.log.sqlite import SqliteLog
from afresh.mirror.chunk import Reading
from afresh.mirror.copies import Copies
from afresh.mirror.learning import Chosen
from afresh.mirror.mirroring import Mirroring
from afresh.mirror.writing import MirrorWriter
from afresh.recovery import Progress, silent
from afresh.runtime import Runtime
from afresh.settings import Settings
from afresh.store.replica import Replica
from afresh.warm import warm
from afresh.writer import Writes


def found_topics(settings: Settings) -> Found:
    """Raises AfreshError when they are not there or the brokers do not answer."""
    return Cluster(address_of(settings)).find(topics_of(settings))


class MirrorRuntime(Runtime):
    """As `Runtime`; what it is sent goes to the topics, and the log in its folder mirrors them."""

    writer: MirrorWriter

    def __init__(
        self, app: App, settings: Settings, log: SqliteLog, replica: Replica, found: Found
    ) -> None:
        self.address = address_of(settings)
        self.topics = topics_of(settings)
        self.found = found
        super().__init__(app, settings, log, replica)
        self.chosen = Chosen(self.address, self.topics.weights, self.learner.resume)
        writer, wire = self.writer, self.writer.wire
        self.mirroring = writer.mirroring = Mirroring(
            log,
            replica,
            self.admission,
            Consuming(self.address, found.partitions),
            Reading(found, wire, Copies(settings.admission_horizon)),
            advanced=writer.advanced,
            unread=writer.set_aside,
            keep_house=self.keep_house,
        )

    @property
    def cut_off(self) -> bool:
        return self.mirroring.cut_off

    def make_writer(self) -> Writes:
        return MirrorWriter(
            self.replica,
            self.admission,
            self.topics,
            self.found,
            Producing(self.address),
            Wire(self.plan.accepted, *item_columns(self.plan)),
            queue_events=self.settings.queue_events,
            group_events=self.settings.group_events,
        )

    @classmethod
    def open(
        cls, app: App, folder: Path, settings: Settings, *, progress: Progress = silent
    ) -> MirrorRuntime:
        """Restore the newest snapshot, fold the mirror beyond it, then what the topics have beyond
        the mirror.

        Raises AfreshError when the topics are not there or the brokers do not answer.
        """
        plan = app.plan()
        progress("kernels", 0, 1)
        warm(plan, app.surfaces)
        progress("kernels", 1, 1)
        found = found_topics(settings)
        log = cls.log_of(app, folder, settings, found)
        with ExitStack() as opened:
            opened.callback(log.close)
            replica = Replica(plan, Room(settings.state_memory, folder))
            runtime = cls(app, settings, log, replica, found)
            opened.callback(runtime.mirroring.consuming.close)
            opened.callback(runtime.writer.producing.close)
            opened.callback(runtime.chosen.close)
            runtime.recover(progress)
            opened.pop_all()
        runtime.start()
        return runtime

    @staticmethod
    def log_of(app: App, folder: Path, settings: Settings, found: Found | None = None) -> SqliteLog:
        """The mirror in a folder; raises as `open`."""
        found = found or found_topics(settings)
        return SqliteLog(
            folder,
            app=app.name,
            max_bytes=settings.log_max_bytes,
            mirror_of=found.id,
            partitions=len(found.partitions),
        )

    def recover(self, progress: Progress) -> None:
        super().recover(progress)
        self.mirroring.begin(progress)

    def learn(self) -> None:
        """Learn from what people do, if a surface scores with what is learned and this is the
        server that the others leave it to."""
        if any(surface.scorer == "learned" for surface in self.app.surfaces):
            self.chosen.start()
            self.learner.start()
            self.on_folded(self._hear)

    def _hear(self, batch: EventBatch) -> None:
        if self.chosen.now:
            self.learner.hear(batch)

    def ready(self) -> tuple[bool, str]:
        if self.mirroring.cut_off:
            return False, "The log is not heard of, or not kept: answers may be old."
        return super().ready()

    def close(self) -> None:
        self.chosen.close()
        super().close()

    def stats(self) -> dict[str, Any]:
        mirroring = self.mirroring
        more = {"copies": mirroring.copies, "fold_lag": mirroring.behind()}
        return {**super().stats(), **more}

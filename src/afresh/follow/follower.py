"""A follower: a runtime that does not write.

It restores the newest snapshot, follows the log that another process writes, and answers from its
own replica. What it is sent it hands to the process that writes, and acknowledges once it has
folded it itself: so a caller reads their clicks, whichever process took which connection.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from afresh.app import App
from afresh.errors import AfreshError
from afresh.events.batch import EventBatch
from afresh.features.room import Room
from afresh.follow.bell import Bell
from afresh.follow.calls import (
    DeleteItem,
    Failure,
    PatchItem,
    PutItem,
    Reply,
    TakeEvents,
    TakeItems,
    Write,
    error_of,
)
from afresh.follow.following import Following
from afresh.follow.link import gone
from afresh.follow.peers import WRITER, Peers
from afresh.log import Log
from afresh.log.sqlite import SqliteLog
from afresh.log.token import Place
from afresh.recovery import Progress, rebuild, silent
from afresh.service import Receipt, Service, Settled
from afresh.settings import Settings
from afresh.store.replica import Replica
from afresh.warm import warm

BEHIND_S = 2.0
"""A follower that has not held all of the log for so long is not ready."""


class Follower(Service):
    """Opened with `Follower.open`. `peers` links it to the process that writes."""

    def __init__(
        self,
        app: App,
        settings: Settings,
        log: Log,
        replica: Replica,
        folder: Path,
        bell: Bell,
        peers: Peers,
        lost: Callable[[Exception], None],
    ) -> None:
        super().__init__(app, settings, log, replica, folder)
        self.peers = peers
        self.following = Following(log, replica, bell, keep_house=self._keep_house, lost=lost)

    @classmethod
    def open(
        cls,
        app: App,
        folder: Path,
        settings: Settings,
        bell: Bell,
        peers: Peers,
        *,
        lost: Callable[[Exception], None] = lambda error: None,
        progress: Progress = silent,
    ) -> Follower:
        """Restore the newest snapshot, fold what the log has beyond it, follow from there.

        lost: called from another thread when the log cannot be followed any further.
        """
        plan = app.plan()
        warm(plan, app.surfaces)
        log = SqliteLog(folder, app=app.name, readonly=True)
        try:
            replica = Replica(plan, Room(settings.state_memory, folder))
            follower = cls(app, settings, log, replica, folder, bell, peers, lost)
            rebuild(log, replica, folder / "snapshots", progress)
            replica.vector = replica.vector or log.vector
            with replica.lock:
                follower.surfaces.prepare()
        except BaseException:
            log.close()
            raise
        follower.promoted.start()
        follower.learned_vectors.start()
        follower.following.start()
        return follower

    def close(self) -> None:
        """Stop following. There is nothing to save."""
        self.following.close()
        self.promoted.close()
        self.learned_vectors.close()
        self.traces.close()
        super().close()
        self.log.close()

    def _keep_house(self) -> None:
        self.replica.tidy()
        with self.replica.lock:
            self.surfaces.tidy()

    def reach(self, place: Place) -> asyncio.Future[None] | None:
        return self.following.reach(place)

    def on_folded(self, hear: Callable[[EventBatch], None]) -> None:
        self.following.folded.append(hear)

    # What is sent goes to the process that writes.

    async def post_events(self, body: bytes, *, lines: bool = False) -> Receipt:
        return await self._written(TakeEvents(body, lines))

    def take_events(self, body: bytes, then: Settled, *, lines: bool = False) -> None:
        self._write(TakeEvents(body, lines), then)

    async def post_items(self, body: bytes) -> Receipt:
        return await self._written(TakeItems(body))

    async def put_item(self, item_id: str, values: Mapping[str, Any]) -> Receipt:
        return await self._written(PutItem(item_id, msgspec.json.encode(values)))

    async def patch_item(self, item_id: str, changes: dict[str, Any]) -> Receipt:
        return await self._written(PatchItem(item_id, msgspec.json.encode(changes)))

    async def delete_item(self, item_id: str) -> Receipt:
        return await self._written(DeleteItem(item_id))

    async def _written(self, asked: Write) -> Receipt:
        settled: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()

        def then(receipt: Receipt | AfreshError) -> None:
            if settled.done():
                return
            if isinstance(receipt, AfreshError):
                settled.set_exception(receipt)
            else:
                settled.set_result(receipt)

        self._write(asked, then)
        return await settled

    def _write(self, asked: Write, then: Settled) -> None:
        """Hand it on; when its receipt comes, fold up to there, then pass the receipt on.

        Raises Unavailable while nobody writes.
        """
        link = self.peers.links.get(WRITER)
        if link is None:
            raise gone()

        def replied(reply: Reply) -> None:
            if isinstance(reply, Failure):
                then(error_of(reply))
                return
            receipt = reply.receipt
            assert receipt is not None
            # A fold that takes too long is no reason to doubt what is on disk.
            folded = self.caught_up(receipt.offset)
            if folded is None:
                then(receipt)
            else:
                folded.add_done_callback(lambda _: then(receipt))

        link.call(asked, replied)

    # How things are.

    def ready(self) -> tuple[bool, str]:
        """Whether it follows the log; it answers while nobody writes, too."""
        behind_s = time.monotonic() - self.following.current_at
        if behind_s > BEHIND_S:
            return False, f"The state has been behind the log for {behind_s:.0f} s."
        return True, ""

    def stats(self) -> dict[str, Any]:
        """As of a runtime; what only the process that writes counts is 0."""
        replica, log = self.replica, self.log
        end = log.end
        return {
            "accepted": 0,
            "duplicates": 0,
            "late": 0,
            "copies": 0,
            "commits": 0,
            "rejected": {},
            "left_out": dict(self.left_out),
            "queue_depth": 0,
            "fold_lag": max(end - replica.offset, 0),
            "fold_seconds": replica.fold_ms / 1000,
            "log_bytes": log.bytes_used(),
            "log_records": end - log.start,
            "state_bytes": replica.state.memory(),
            "snapshot_age": None,
            "vectors_age": self.learned_vectors.age(),
            "items": len(replica.catalog),
            "events_folded": replica.state.events,
            "newest_timestamp": replica.state.newest / 1000,
            "backfill": (0, 0),
            "store": None,
            **self.vector_counts(),
        }

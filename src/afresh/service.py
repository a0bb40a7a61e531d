"""A service: what the routes of a server ask of the process they run in.

Two processes can be asked: a `Runtime`, which writes the log, and a `Follower`, which follows
one that another process writes. Which of the two took a connection, its caller cannot tell.
"""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

import msgspec

from afresh.answers import Answer, Answers
from afresh.app import App
from afresh.errors import AfreshError, BadRequest, NotFound
from afresh.events.batch import EventBatch
from afresh.events.verdict import Rejection
from afresh.explaining import Explanation, answered_as_of, explained, replayed
from afresh.learned_vectors import LearnedVectors
from afresh.log import Log
from afresh.log.token import Place
from afresh.promoted import Promoted, Rankers
from afresh.request import Query
from afresh.settings import Settings
from afresh.stages.asking import asks, questions, showable
from afresh.stages.sources import encoder
from afresh.store.replica import Replica
from afresh.surface import share
from afresh.traces import Traces
from afresh.vector_writing import VectorWriting
from afresh.vectors.databases.connection import Connection, vectors_of
from afresh.vectors.databases.target import Target, target_of
from afresh.vectors.lookups import Hearing
from afresh.vectors.searching import Searching

WAIT_S = 0.5
"""The longest that an answer waits for the place it is asked to reflect."""
LOOK_S = 0.001


class Receipt(msgspec.Struct):
    """The verdicts on what was sent. offset: a token to give as `after`."""

    accepted: int
    duplicates: int
    rejected: list[Rejection]
    offset: str


Settled = Callable[[Receipt | AfreshError], None]


class Service(Answers, ABC):
    """Answers from a replica, and a door. folder: where the log, snapshots and traces are."""

    def __init__(
        self, app: App, settings: Settings, log: Log, replica: Replica, folder: Path
    ) -> None:
        super().__init__(replica.plan, app.surfaces, log, replica)
        self.app, self.settings, self.folder = app, settings, folder
        self.surfaces.budgets.whole = settings.request_budget
        self.traces = Traces(folder, settings.traces_kept, settings.traces_share)
        self.keep = self.traces.put
        self.promoted = Promoted(folder, self.plan, app.surfaces, self._install)
        self.learned_vectors = LearnedVectors(folder, self.surfaces.sources, app.surfaces)
        self.flush_elsewhere: Callable[[], None] = lambda: None
        """Has the other processes of this server write the traces that they hold."""
        self._replaying = threading.Lock()
        self.vectors: Connection | None = None
        """The vector database, where one is set."""
        self.searching: Searching | None = None
        self.vector_writing: VectorWriting | None = None
        """Writes item vectors there, in the process that does."""
        if settings.vectors is not None:
            self.vectors = vectors_of(settings)
            self.searching = Searching(self.vectors, self._target())

    def _target(self) -> Target:
        """Where this app's item vectors belong in a vector database."""
        return target_of(self.settings.vectors_name, self.plan, encoder())

    def write_vectors(self) -> None:
        """Write item vectors into the database from now on, where one is set and to be written."""
        if self.vectors is not None and self.settings.vectors_write:
            self.vector_writing = VectorWriting(
                self.replica, self.log, self.folder, self.vectors, self._target(), encoder()
            )
            self.vector_writing.start()

    def vector_counts(self) -> dict[str, Any]:
        """How it goes with the vector database, for `stats`; None for what there is none of."""
        searching, writing = self.searching, self.vector_writing
        return {
            "vectors_searched": searching.counts() if searching else None,
            "vectors_written": writing.counts() if writing else None,
        }

    def _install(self, rankers: Rankers) -> None:
        self.surfaces.rankers = rankers

    def explain(self, request_id: str, *, replay: bool = False) -> Explanation:
        """How an answer came about; with replay, asked again of the log as it was, which may
        take as long as a start. Not for the event loop's thread. Raises NotFound."""
        trace = self.traces.get(request_id)
        if trace is None:
            self.flush_elsewhere()
            trace = self.traces.get(request_id)
        if trace is None:
            raise NotFound(
                f"No answer {request_id!r} is remembered.",
                hint=f"The last {self.settings.traces_kept:,} are (traces_kept), "
                f"{self.settings.traces_share:.0%} of all (traces_share).",
            )
        said = explained(trace)
        if replay:
            with self._replaying:  # each holds a state of its own
                said.replay = replayed(
                    trace, self.plan, self.app.surfaces, self.log, self.folder / "snapshots",
                    self.promoted, self.learned_vectors.shelf,
                )  # fmt: skip
        return said

    def recommend_as_of(self, query: Query) -> Answer:
        """The answer as it would have been at `query.as_of`, from the log: one at a time, and it
        may take as long as a start. Not for the event loop's thread.

        Raises BadRequest for a moment in the future, or older than the log reaches.
        """
        if query.as_of is not None and query.as_of > self.replica.now():
            raise BadRequest(
                "The moment is in the future.",
                hint="Leave `as_of` out to ask as of now.",
                path="$.as_of",
                code="bad_timestamp",
            )
        with self._replaying:
            return answered_as_of(
                query, self.plan, self.app.surfaces, self.log, self.keep, self.replica.offset,
                self.promoted, self.learned_vectors.shelf,
            )  # fmt: skip

    def recommend(self, query: Query) -> Answer:
        """The next screen of one visitor, which waits in this thread for the vector database, where
        one is set, as long as vectors_timeout. Raises as `Answers.recommend`."""
        wait(self.ask(query), self.settings.vectors_timeout / 1000)
        return self.answer(query)

    def answer(self, query: Query) -> Answer:
        """The same with what the vector database has said so far."""
        surface = self.surfaces.by_name.get(query.surface)
        if self.searching is None or surface is None:
            return self.heeding(query, None)
        where = showable(surface, self.plan)
        return self.heeding(query, Hearing(self.searching.lookup(where)))

    def ask(self, query: Query) -> list[Future[None]]:
        """Have the vector database asked what an answer will want to know; what to wait for."""
        surface = self.surfaces.by_name.get(query.surface)
        if self.searching is None or surface is None or not asks(surface):
            return []
        with self.replica.lock:
            context = self.surfaces.context(query, self.replica.now())
            asked = questions(self.surfaces.sources, surface, context, share(surface))
        return self.searching.ask(asked)

    def caught_up(self, after: str | None) -> asyncio.Future[None] | None:
        """What to await before answering a request with this token, WAIT_S at most; None:
        nothing, the state reflects it.

        Raises BadRequest for a token that is none. On the event loop only.
        """
        place = self.wanted(after)
        if place is None or place.within(self.replica.place):
            return None
        return self.reach(place)

    def reach(self, place: Place) -> asyncio.Future[None] | None:
        """The same for a place in the log. Here for those that are about to be folded: whoever
        follows the log may be ahead of whoever writes it, by a fold."""
        return asyncio.ensure_future(self._look_for(place))

    def prepared(self, query: Query) -> asyncio.Future[None] | None:
        """What to await before `answer`: as `caught_up`, and as long as vectors_timeout for the
        vector database; None: nothing. Raises and is called as `caught_up`."""
        waiting = self.caught_up(query.after)
        if self.searching is None:
            return waiting
        if waiting is None:
            return self._asked(query)
        return asyncio.ensure_future(self._asked_then(waiting, query))

    async def _asked_then(self, waiting: asyncio.Future[None], query: Query) -> None:
        await waiting
        heard = self._asked(query)
        if heard is not None:
            await heard

    def _asked(self, query: Query) -> asyncio.Future[None] | None:
        waiting = self.ask(query)
        if not waiting:
            return None
        loop = asyncio.get_running_loop()
        heard: asyncio.Future[None] = loop.create_future()
        left = len(waiting)

        def settle() -> None:
            if not heard.done():
                heard.set_result(None)

        def one_more() -> None:
            nonlocal left
            left -= 1
            if not left:
                settle()

        for each in waiting:
            each.add_done_callback(lambda _: loop.call_soon_threadsafe(one_more))
        loop.call_later(self.settings.vectors_timeout / 1000, settle)
        return heard

    async def _look_for(self, place: Place) -> None:
        loop = asyncio.get_running_loop()
        late = loop.time() + WAIT_S
        while not place.within(self.replica.place) and loop.time() < late:
            await asyncio.sleep(LOOK_S)

    @abstractmethod
    async def post_events(self, body: bytes, *, lines: bool = False) -> Receipt:
        """Decode, admit, make durable, fold, acknowledge. lines: the body is NDJSON for certain."""

    @abstractmethod
    def take_events(self, body: bytes, then: Settled, *, lines: bool = False) -> None:
        """The same without a task: `then` is called on this thread's event loop, or at once."""

    @abstractmethod
    async def post_items(self, body: bytes) -> Receipt:
        """Item records as NDJSON or an array; each is judged alone."""

    @abstractmethod
    async def put_item(self, item_id: str, values: Mapping[str, Any]) -> Receipt:
        """Replace or make one item."""

    @abstractmethod
    async def patch_item(self, item_id: str, changes: dict[str, Any]) -> Receipt:
        """Merge changes into an item (RFC 7396). Raises NotFound."""

    @abstractmethod
    async def delete_item(self, item_id: str) -> Receipt:
        """Remove an item from the catalogue. Raises NotFound."""

    @abstractmethod
    def on_folded(self, hear: Callable[[EventBatch], None]) -> None:
        """Have `hear` called with the events of each group, folded, in the thread that folds; it
        must be quick and never raise."""

    @abstractmethod
    def ready(self) -> tuple[bool, str]:
        """Whether a balancer should send requests here; and if not, why."""

    @abstractmethod
    def stats(self) -> dict[str, Any]:
        """Counts for the metrics page; times in seconds, sizes in bytes."""

    def close(self) -> None:
        """End in order."""
        if self.vector_writing is not None:
            self.vector_writing.close()
        if self.searching is not None:
            self.searching.close()
        if self.vectors is not None:
            self.vectors.close()

"""The walk: the stream is folded in the order of time, and before each question it stops.

What is asked is what a server would be asked at that moment, of a state that is as far as the lag
lets it be. Learned weights come into force as late as the rest.
"""

from __future__ import annotations

import time
from collections import Counter, deque

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from afresh.app import App
from afresh.evaluation.outcome import COLUMNS, Outcome, lists_of
from afresh.evaluation.protocol import Part, parts_of, targets_of
from afresh.evaluation.question import Asker, judged_surface
from afresh.evaluation.ranked import Ranked
from afresh.evaluation.stream import Progress, Rows, Stream
from afresh.evaluation.wanted import Wanted
from afresh.learner import EVERY, Action, Learner
from afresh.retrieve import Context
from afresh.stages.budgets import named_apart
from afresh.stages.refits import Refits
from afresh.store.replica import Replica

FOLDED = 10_000
"""Events folded at once, at most."""
OWN = 200
"""The most events of a visitor that a request knows beyond the state."""


def evaluated(
    app: App, stream: Stream, wanted: Wanted, *, items: bytes = b"", ranked: Ranked | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> Outcome:  # fmt: skip
    """Walk through a stream and ask. items: records of the catalogue, NDJSON, known from the start;
    ranked: the trained ranker that orders the lists, if one does.

    Raises NotFound for an unknown surface and BadRequest when there is nothing to ask.
    """
    return Walk(app, stream, wanted, items, ranked, progress).outcome()


class _Own:
    """What each party did, as rows in the order of the stream."""

    def __init__(self, party: Rows, counts: NDArray[np.bool_]) -> None:
        rows = np.flatnonzero(counts)
        self.party, self._order = party, rows[np.argsort(party[rows], kind="stable")]
        self._first = np.searchsorted(party[self._order], np.arange(party.max() + 2))

    def items(self, stream: Stream, row: int) -> list[int]:
        """What the party had touched before an event."""
        a, party = self._first[self.party[row]], self.party[row]
        rows = self._order[a : self._first[party + 1]]
        items: list[int] = stream.item[rows[: np.searchsorted(rows, row)]].tolist()
        return items

    def before(self, row: int, end: int) -> Rows:
        """Rows of the party of `row` that are less than `end`, the last OWN."""
        a, b = self._first[self.party[row]], self._first[self.party[row] + 1]
        rows = self._order[a:b]
        at = int(np.searchsorted(rows, end))
        return rows[max(at - OWN, 0) : at]


class Walk:
    """One replica on its way through a stream, and what was asked of it so far."""

    def __init__(
        self, app: App, stream: Stream, wanted: Wanted, items: bytes, ranked: Ranked | None,
        progress: Progress,
    ) -> None:  # fmt: skip
        self.stream, self.wanted, self.progress = stream, wanted, progress
        self.ranked = ranked
        self.replica = Replica(app.plan())
        if items:
            self.replica.fold_items(items, 0)
        self.replica.catalog.write_into(stream.batch)
        surface = judged_surface(app.surfaces, wanted)
        ranker = None if ranked is None else ranked.ranker
        self.asker = Asker(surface, self.replica, stream, wanted, ranker)
        self.refits = Refits(self.asker.heard, surface, wanted.refit)
        labels = tuple(source.label for source in surface.sources)
        self.sources = [name.partition(":")[2] for name in named_apart("source", labels)]
        self._left_out: Counter[str] = Counter()
        self.learner = Learner(
            self.replica, self.asker.surfaces.examples, lambda record: None, per_second=0
        )
        self.learns = surface.scorer == "learned"
        self.learned = self._recorded = 0
        self._records: deque[tuple[int, bytes]] = deque()
        self._own = [_Own(party, stream.counts) for party in (stream.session, stream.person)]
        self._members = np.argsort(stream.group, kind="stable")
        self._starts = np.searchsorted(
            stream.group[self._members], np.arange(stream.group.max() + 2)
        )
        self._folded = np.zeros(len(stream), np.bool_)
        self._at = 0
        self._first_ts = np.full(len(stream.items) + 1, np.iinfo(np.int64).max)
        np.minimum.at(self._first_ts, stream.item, stream.stamp)  # of no item, at the end
        self._number_of = {name: number for number, name in enumerate(stream.items)}
        self._asks = stream.counts & targets_of(stream, wanted)
        self._said = {name: stream.field(name).to_list() for name in wanted.context}
        self._rows: dict[str, list[object]] = {name: [] for name in COLUMNS}
        self._found: list[list[bool]] = []
        self._lists: list[list[int]] = []

    def outcome(self) -> Outcome:
        began = time.perf_counter()
        for part in parts_of(self.stream, self.wanted):
            if part.judged or self.learns:
                if not part.moves:
                    self._fold(part.first)
                self._ask_all(part)
        targets = pl.DataFrame(self._rows, schema=COLUMNS)
        found = np.array(self._found, np.bool_).reshape(-1, len(self.sources))
        targets = targets.with_columns(
            pl.Series(f"found {name}", found[:, at]) for at, name in enumerate(self.sources)
        )
        names = list(self._number_of)
        counts = np.bincount(self.stream.item[self.stream.counts], minlength=len(names))
        return Outcome(
            self.wanted, targets, lists_of(self._lists, self.wanted.depth), names, self.sources,
            counts, len(self.replica.catalog), self.learned, dict(self._left_out),
            time.perf_counter() - began,
            None if self.ranked is None else self.ranked.judged(targets),
        )  # fmt: skip

    def _ask_all(self, part: Part) -> None:
        stage = "questions" if part.judged else "learning"
        for done, group in enumerate(part.groups.tolist()):
            rows = self._members[self._starts[group] : self._starts[group + 1]]
            rows = rows[self._asks[rows]]
            if part.moves:
                self._follow(int(self.stream.stamp[rows[0]]))
                self.refits.look()
            self._ask(rows, part)
            if done % 100 == 0:
                self.progress(stage, done, len(part.groups))
        self.progress(stage, len(part.groups), len(part.groups))
        if self.learns and not part.moves and not part.judged:
            self._in_force(self._record())

    def _ask(self, rows: Rows, part: Part) -> None:
        """One question, whose answers are the events `rows`; then what is to be learned of it."""
        stream, first = self.stream, int(rows[0])
        user, session = stream.users[first], stream.sessions[first]
        moment, end = int(stream.ts[first]), first
        if self.wanted.context_lag:
            end = int(np.searchsorted(stream.ts, moment - self.wanted.context_lag))
        # A state that is behind does not know it: its windows end where it ends.
        now = self.replica.state.newest + 1
        if part.moves and self.wanted.model_lag is not None:
            now = moment - self.wanted.model_lag
        late = [known.before(first, end) for known in self._own]
        late = [each[~self._folded[each]] for each in late]
        context = self.asker.context(user, session, late[1], late[0], max(moment, now))
        context.now = now
        if part.judged:
            self._judge(rows, context)
        if self.learns and (part.moves or not part.judged):
            self._learn(rows, context)

    def _learn(self, rows: Rows, context: Context) -> None:
        """Learn from what was done, as a server does; the weights count when the lag is over."""
        for row in rows.tolist():
            user, session = self.stream.users[row] or "", self.stream.sessions[row] or ""
            name = self.stream.items[self.stream.item[row]]
            action = Action(user, session, name, int(self.stream.ts[row]))
            self.learned += self.learner.learn(action, context)
            if self.learned >= self._recorded + EVERY:
                self._recorded = self.learned
                self._records.append((int(self.stream.stamp[row]), self._record()))

    def _record(self) -> bytes:
        return msgspec.json.encode(self.learner.model.to_record())

    def _in_force(self, record: bytes) -> None:
        self.replica.fold_weights(record, self.replica.offset)

    def _follow(self, moment: int) -> None:
        """The state as it is at a moment, UTC ms: whatever is older than the lag is folded."""
        assert self.wanted.model_lag is not None
        until = moment - self.wanted.model_lag
        end = int(np.searchsorted(self.stream.ts, until))
        while self._at < end:
            step = min(self._at + FOLDED, end)
            self.replica.fold_events(self.stream.stretch(self._at, step), step)
            self.replica.tidy()
            self._folded[self._at : step] = True
            self._at = step
        while self._records and self._records[0][0] < until:
            self._in_force(self._records.popleft()[1])

    def _fold(self, rows: Rows) -> None:
        """Fold these events, as far as they are not folded."""
        rows = rows[~self._folded[rows]]
        for first in range(0, len(rows), FOLDED):
            some = rows[first : first + FOLDED]
            whole = some[-1] - some[0] + 1 == len(some)
            batch = (
                self.stream.stretch(int(some[0]), int(some[-1]) + 1)
                if whole
                else self.stream.batch.take(some)
            )
            self.replica.fold_events(batch, first + len(some))
            self.replica.tidy()
            self.progress("fold", first + len(some), len(rows))
        self._folded[rows] = True
        self.refits.look(at_once=True)

    def _judge(self, rows: Rows, context: Context) -> None:
        """Ask, and write down where the answers stand."""
        stream, wanted, first = self.stream, self.wanted, int(rows[0])
        session, person = (set(o.items(stream, first)) for o in self._own)
        touched, here = session | person, session if wanted.hide_session else set()
        said = dict(zip(stream.item[rows].tolist(), rows.tolist(), strict=True))
        if wanted.targets == "new":
            said = {item: row for item, row in said.items() if item not in touched}
        said = {item: row for item, row in said.items() if item not in here}
        if not said:
            return
        user, session = stream.users[rows[0]], stream.sessions[rows[0]]
        hidden = [stream.items[item] for item in here]
        shown = self.asker(user, session, context, hidden, self._says(first))
        listed = [self._number_of.setdefault(n, len(self._number_of)) for n in shown.items]
        places = {item: place for place, item in enumerate(listed, 1)}
        numbers = self.replica.state.items.find_texts([stream.items[item] for item in said])
        self._left_out.update(shown.left_out)
        found = [np.isin(numbers, each) for each in shown.found]
        for at, (item, row) in enumerate(said.items()):
            flags = [bool(each[at]) for each in found]
            self._found.append(flags)
            values = (
                len(self._lists), int(stream.person[row]), stream.event_ids[row], item,
                stream.items[item], int(stream.ts[row]), places.get(item, 0), item in touched,
                self._age(row), len(context.items), self._events(int(numbers[at])), any(flags),
            )  # fmt: skip
            for column, value in zip(self._rows.values(), values, strict=True):
                column.append(value)
        self._lists.append(listed)

    def _says(self, row: int) -> dict[str, str | float]:
        """What the request of an event says of where and when."""
        values = {name: column[row] for name, column in self._said.items()}
        return {
            name: value if isinstance(value, str) else float(value)
            for name, value in values.items()
            if value is not None
        }

    def _age(self, row: int) -> int:
        """ms since the first event of an event's item, -1 where it is the first."""
        since = int(self.stream.stamp[row] - self._first_ts[self.stream.item[row]])
        return since or -1

    def _events(self, number: int) -> int:
        heads = self.replica.state.postings.blocks.heads
        return int(heads[number, 1]) if 0 <= number < len(heads) else 0

"""From what a user wrote to the plan, collecting every mistake on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from msgspec.structs import replace as replace_struct

from afresh.errors import DefinitionError
from afresh.features.aggregates import Aggregate, Last, Ratio, Tally
from afresh.features.arguments import given_prior, given_window
from afresh.features.definition import Features
from afresh.features.durations import is_whole, milliseconds
from afresh.features.layout import Draft, Layout, SlotNeed
from afresh.features.plan import Feature, Input, Op, Plan, Postings, Trend
from afresh.features.resolve import Names
from afresh.features.trends import Trending, trend_needs
from afresh.features.window_declaration import Window
from afresh.problems import Place, Problem, problem_of

RESERVED = frozenset({"item_id", "user_id", "session_id", "as_of"})
MAX_LAST = 10_000
HISTORY = 500
"""Events kept a user, unless the app says: for the context of requests, for own repeats, and for
the filter of seen items, through which an item comes back once it is older than that."""

_OPS: dict[str, tuple[Op, ...]] = {
    "count": ("n",),
    "total": ("sum",),
    "mean": ("sum", "n"),
    "variance": ("sum", "n", "sq_low", "sq_high"),
    "min": ("min",),
    "max": ("max",),
}

_NOT_DECAYED = "Counts, totals and means can fade; for this take daily or sliding."

T = TypeVar("T")


@dataclass(slots=True)
class Compiler:
    """One pass over a definition; `problems` holds what is wrong with it."""

    names: Names
    problems: list[Problem] = field(default_factory=list)
    layout: Layout = field(init=False)
    weighted: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        events = self.names.events
        self.layout = Layout(tuple(range(len(events))))
        self.weighted = tuple(code for code, event in enumerate(events) if event.weight > 0)

    def compile(
        self,
        app: str,
        groups: Sequence[type[Features]],
        trends: Sequence[Trending],
        postings: Postings,
        history: int = HISTORY,
    ) -> Plan:
        """The plan; it means something only when no problem is an error. history: events kept a
        user, at least."""
        drafts = self._features(groups)
        layout = self.layout
        popular, problems = trend_needs(self.names, layout, self.weighted, trends)
        self.problems += problems
        layout.need_sequence("user_id", postings.types, history, postings.within)
        return Plan(
            app=app,
            events=self.names.events,
            catalog=self.names.catalog,
            inputs=layout.inputs(),
            families=layout.families(),
            sequences=layout.sequences(),
            postings=postings,
            features=tuple(self._number(draft) for draft in drafts),
            trends=tuple(
                Trend(
                    name=name,
                    read=layout.read(need),
                    by=by,
                    split=layout.input_at(need.family.split),
                )
                for name, by, need in popular
            ),
            distincts=layout.distincts(),
            history=layout.sequence_at("user_id", postings.types, postings.within),
        )

    def _number(self, draft: Draft) -> Feature:
        """The feature with its reads as positions in the plan."""
        layout, sequence, distinct = self.layout, draft.sequence, draft.distinct
        return replace_struct(
            draft.made,
            reads=tuple(layout.read(need) for need in draft.reads),
            sequence=None if sequence is None else layout.sequence_at(*sequence),
            split=layout.input_at(draft.split),
            distinct=None if distinct is None else layout.distinct_at(distinct),
            session=None if draft.session is None else layout.read(draft.session),
        )

    def _try(self, place: Place, work: Callable[[], T]) -> T | None:
        """Do a part; a mistake in it is noted at its own place, or else at `place`."""
        try:
            return work()
        except DefinitionError as error:
            problem = problem_of(error)
            at_place = replace(problem, file=place.file, line=place.line)
            self.problems.append(problem if problem.file else at_place)
            return None

    def _features(self, groups: Sequence[type[Features]]) -> list[Draft]:
        drafts: list[Draft] = []
        seen: dict[str, str] = {}
        for group in groups:
            self.problems += group._problems
            place = group._place
            key = self._key(group, place)
            for name, value in self._attributes(group):
                where = f"{group.__name__}.{name}"
                if name in RESERVED:
                    message = f"{where} takes a reserved name"
                    self.problems.append(Problem(*value.place, message, "Call it otherwise."))
                if name in seen:
                    message = f"The feature {name!r} is also defined in {seen[name]}"
                    hint = "Features are asked for by name: rename one."
                    self.problems.append(Problem(*value.place, message, hint))
                seen[name] = group.__name__
                draft = self._feature(group, name, key, value)
                if draft is not None:
                    drafts.append(draft)
        return drafts

    def _key(self, group: type[Features], place: Place) -> str | None:
        """The fold's name of a group's key: an id, or a text column."""
        key = self._try(place, lambda: self.names.key(group._key, place))
        if isinstance(key, Input):
            self.layout.need_input(key)
            return key.name
        return key

    def _attributes(self, group: type[Features]) -> Iterator[tuple[str, Aggregate]]:
        for name, value in vars(group).items():
            if name.startswith("_"):
                continue
            if isinstance(value, Aggregate):
                yield name, value
                continue
            hint = "Write count(...), total(...), ratio(...), last(...); start others with _."
            place = value.place if isinstance(value, Window) else group._place
            what = f"a {value.kind} window" if isinstance(value, Window) else repr(value)
            message = f"{group.__name__}.{name} is not a feature but {what}"
            self.problems.append(Problem(*place, message, hint))

    def _feature(
        self, group: type[Features], name: str, key: str | None, value: Aggregate
    ) -> Draft | None:
        made = Feature(name=name, group=group.__name__, key=key or "", kind="count")
        if isinstance(value, Tally):
            tally = self._distinct if value.kind == "distinct" else self._tally
            return tally(made, key, value)
        if isinstance(value, Ratio):
            return self._ratio(made, key, value)
        assert isinstance(value, Last)
        return self._last(made, key, value)

    def _tally(self, made: Feature, key: str | None, value: Tally) -> Draft | None:
        place = value.place
        codes = self._codes(value)
        window = self._try(place, lambda: given_window(value.window, place))
        column = split = None
        if codes:
            self._check_key(key, codes, place)
            if value.kind != "count":
                column = self._try(place, lambda: self.names.number(value.fields, codes, place))
            if value.by is not None:
                split = self._try(place, lambda: self.names.group(value.by, codes, place))
        complete = (value.kind == "count" or column) and (value.by is None or split)
        if not (key and codes and window and complete):
            return None
        if value.kind in ("variance", "min", "max") and window[0].kind == "decayed":
            self.problems.append(Problem(*place, f"{value.kind} cannot be decayed", _NOT_DECAYED))
            return None
        reads = [
            self.layout.need_read(key, split, SlotNeed(op, codes, column), *window)
            for op in _OPS[value.kind]
        ]
        places = column.places if column else 0
        changed = Feature(name=made.name, group=made.group, key=key, kind=value.kind, places=places)
        return Draft(changed, reads, split=split)

    def _distinct(self, made: Feature, key: str | None, value: Tally) -> Draft | None:
        place, codes = value.place, self._codes(value)
        window = self._try(place, lambda: given_window(value.window, place))
        if not codes:
            return None
        self._check_key(key, codes, place)
        column = self._try(place, lambda: self.names.counted(value.fields, codes, place))
        if not (key and window and column):
            return None
        if column == key:
            message = f"An entity has one {key}: there is nothing to count"
            self.problems.append(Problem(*place, message, "Count another field's values."))
            return None
        if window[0].kind == "decayed":
            self.problems.append(Problem(*place, "distinct cannot be decayed", _NOT_DECAYED))
            return None
        session = None
        if window[0].kind == "session":
            touch = SlotNeed("min_ts", self.layout.all_types)
            session = self.layout.need_read(key, None, touch, *window)
        need = self.layout.need_distinct(key, codes, column, window[0].width, window[1])
        changed = replace_struct(made, key=key, kind="distinct", window=window[0])
        return Draft(changed, distinct=need, session=session)

    def _ratio(self, made: Feature, key: str | None, value: Ratio) -> Draft | None:
        sides: list[Draft] = []
        for side in (value.a, value.b):
            if not isinstance(side, Tally) or side.kind not in ("count", "total"):
                what = side.kind if isinstance(side, Tally) else repr(side)
                hint = "Each side is a count(...) or a total(...)."
                message = f"A ratio of a {what} cannot be kept"
                self.problems.append(Problem(*value.place, message, hint))
                continue
            draft = self._tally(made, key, side)
            if draft is not None:
                sides.append(draft)
        prior = self._try(value.place, lambda: given_prior(value.prior, value.place))
        if len(sides) != 2 or prior is None:
            return None
        a, b = sides
        if a.split != b.split:
            message = "The two sides of a ratio are split differently"
            self.problems.append(Problem(*value.place, message, "Give both the same by=, or none."))
            return None
        ratio = Feature(
            name=made.name,
            group=made.group,
            key=made.key,
            kind="ratio",
            places=a.made.places,
            places2=b.made.places,
            prior=prior,
        )
        return Draft(ratio, [*a.reads, *b.reads], split=a.split)

    def _last(self, made: Feature, key: str | None, value: Last) -> Draft | None:
        place = value.place
        codes = self._try(place, lambda: self.names.codes(value.types, place))
        within = self._try(place, lambda: milliseconds(value.within))
        n = value.n
        if not isinstance(n, int) or not is_whole(n) or not 1 <= n <= MAX_LAST:
            hint = f"Take a whole number from 1 to {MAX_LAST}."
            self.problems.append(Problem(*place, f"last cannot keep n={n!r} items", hint))
            return None
        if key == "item_id":
            hint = "Key the group by user_id or session_id."
            message = "last over item_id would only repeat the item"
            self.problems.append(Problem(*place, message, hint))
            return None
        if not (key and codes and within):
            return None
        self._check_key(key, codes, place)
        self.layout.need_sequence(key, codes, n, within)
        last = Feature(name=made.name, group=made.group, key=key, kind="last", n=n)
        return Draft(last, sequence=(key, codes, within))

    def _codes(self, value: Tally) -> tuple[int, ...] | None:
        """The event types of a tally; its fields must be fields of events."""
        stray = [f for f in value.fields if getattr(f, "owner", None) is None]
        if stray:
            name = getattr(stray[0], "name", "price")
            event = self.names.events[0].name if self.names.events else "view"
            message = f"{value.kind} needs a field of an event, not {stray[0]}"
            hint = f"Say whose: {event}.{name}."
            self.problems.append(Problem(*value.place, message, hint))
            return None
        return self._try(value.place, lambda: self.names.codes(value.types, value.place))

    def _check_key(self, key: str | None, codes: tuple[int, ...], place: Place) -> None:
        """A property as key must be carried by the events that are counted."""
        if key is None or key.endswith("_id") or key.startswith("item."):
            return
        if key in {f.name for f in self.names.catalog.fields}:
            return
        lacking = [c for c in codes if c not in self.names.carriers(key)]
        if lacking:
            message = f"{self.names.events[lacking[0]].name} carries no {key}, the group's key"
            hint = f"Declare {key}=str on it, or count other events here."
            never = len(lacking) == len(codes)
            self.problems.append(Problem(*place, message, hint, "error" if never else "warning"))

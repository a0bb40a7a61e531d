"""`App`: everything a user declares, and the plan it compiles to."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from afresh.catalog import Catalog, compile_catalog
from afresh.errors import DefinitionError
from afresh.events.types import EventType, Field
from afresh.features.check import check_name, compile_events
from afresh.features.compile import HISTORY, MAX_LAST, Compiler
from afresh.features.definition import Features
from afresh.features.durations import Duration, is_whole, milliseconds
from afresh.features.plan import Plan, PlanField, Postings
from afresh.features.resolve import Names
from afresh.features.trends import USUAL, Trending
from afresh.problems import Place, Problem, here, problem_of
from afresh.surfaces.check import check_surfaces
from afresh.surfaces.declare import (
    available,
    field_name,
)
from afresh.surfaces.make import make_surface
from afresh.surfaces.spec import (
    TRENDS,
    Exploration,
    Filter,
    Grouping,
    Source,
    Surface,
)


class App:
    """A recommender: its events, its catalogue, its features, its surfaces.

    The Catalog and Features classes of the module that creates the app are found by
    themselves; `catalog=` and `features=` name them instead. `session_length`,
    `postings_per_item` and `history` bound what is kept a session, an item and a user, `within` for
    how long. What a user did before the last `history` events is neither hidden as seen nor
    found as a repeat.
    """

    def __init__(
        self,
        name: str,
        *,
        catalog: type[Catalog] | None = None,
        features: Sequence[type[Features]] | None = None,
        session_length: int = 50,
        postings_per_item: int = 1000,
        history: int = HISTORY,
        within: Duration = "90d",
    ) -> None:
        self.name = name
        self.place = here()
        """Where in the user's file it is created."""
        self._catalog = catalog
        self._features = features
        self._module = _module_at(self.place)
        self._events: list[EventType] = []
        self._surfaces: list[tuple[Place, dict[str, Any]]] = []
        self._problems: list[Problem] = []
        self._keep = (session_length, postings_per_item, within)
        self._history = history
        self._compiled: tuple[object, Plan, list[Problem]] | None = None

    def event(self, name: str, weight: int = 1, **fields: Any) -> EventType:
        """Declare an event type and its properties: `app.event("buy", 10, price_cents=int)`.

        Properties are int, str, bool or decimal(places), each optional in an event;
        `value=decimal(2)` sets the decimal places of the built-in number.
        """
        event = EventType(name, weight, fields)
        self._events.append(event)
        self._compiled = None
        return event

    def events(
        self, *names: str, weights: Sequence[int] | None = None, **fields: Any
    ) -> tuple[EventType, ...]:
        """Declare several event types with the same properties, one weight each."""
        given = [1] * len(names) if weights is None else list(weights)
        if len(given) != len(names):
            message = f"{len(names)} event types, but {len(given)} weights"
            self._problems.append(Problem(*here(), message, "Give one weight an event type."))
            given = (given + [1] * len(names))[: len(names)]
        return tuple(self.event(n, w, **fields) for n, w in zip(names, given, strict=True))

    def surface(
        self,
        name: str,
        *,
        sources: Sequence[Source | str] | None = None,
        filters: Sequence[Filter | str] | None = None,
        n: int = 20,
        scorer: str = "blend",
        explore: Exploration | int = 0,
        title: Field | str | None = None,
        groups: Sequence[Grouping] = (),
        given: Sequence[str] | Mapping[str, str] = (),
    ) -> None:
        """Declare a place where recommendations are shown.

        Left out, the sources are sessions and what trends, the filters only
        availability, where the catalogue has a bool field `in_stock` or `available`. The
        scorer is `blend`, fixed weights, or `learned`, which learns from every outcome.
        `explore` slots at the end of the first page are for items that few have touched; with
        `explore=thompson(2, shown="shown", taken="taken")` by what those features have counted.
        `title` is the catalogue's text field by which reasons name an item; left out, one called
        `title`, where there is such. `groups` are lists beside the first page's:
        `[because(), trending_in("category")]`.

        `given` names the numbers that only the caller of `POST /v1/rank` knows, such as a price of
        tonight: `("price", "distance")`, or with the user's feature that each is held against,
        `{"price": "paid", "distance": ""}`.
        """
        said: dict[str, Any] = {"name": name, "sources": sources, "filters": filters, "n": n}
        said |= {"scorer": scorer, "explore": explore}
        said |= {"title": None if title is None else field_name(title), "groups": groups}
        said["given"] = given
        self._surfaces.append((here(), said))
        self._compiled = None

    @property
    def catalog(self) -> type[Catalog] | None:
        """The catalogue, if there is one."""
        found = [self._catalog] if self._catalog else self._declared(Catalog)
        return found[-1] if found else None

    @property
    def features(self) -> tuple[type[Features], ...]:
        """The groups of features, in the order of the file."""
        found = self._declared(Features) if self._features is None else self._features
        return tuple(found)

    @property
    def surfaces(self) -> tuple[Surface, ...]:
        """The surfaces with their defaults filled in; without any, one called home."""
        fields = compile_catalog(self.catalog)[0].fields
        default = _default_filters(fields)
        usual: dict[str, Any] = {"sources": None, "filters": None, "n": 20, "scorer": "blend"}
        usual |= {"name": "home", "explore": 0, "title": None, "groups": (), "given": ()}
        said = self._surfaces or [(self.place, usual)]
        named = "title" if any(f.name == "title" and f.kind == "str" for f in fields) else None
        return tuple(
            make_surface(
                **{**args, "title": args["title"] or named}, default_filters=default, place=place
            )
            for place, args in said
        )

    def plan(self) -> Plan:
        """The compiled plan. Raises DefinitionError for the first mistake in the file."""
        plan, problems = self._compile()
        errors = [problem for problem in problems if problem.severity == "error"]
        if errors:
            error = errors[0].to_error()
            if len(errors) > 1:
                more = f"{len(errors) - 1} more: `afresh check` lists them all."
                error.hint = f"{error.hint} ({more})" if error.hint else more
            raise error
        return plan

    def problems(self) -> list[Problem]:
        """Every mistake in the definition, by line; empty when it is sound."""
        return list(self._compile()[1])

    def _compile(self) -> tuple[Plan, list[Problem]]:
        groups, catalog = self.features, self.catalog
        version = (catalog, groups)
        if self._compiled and self._compiled[0] == version:
            return self._compiled[1], self._compiled[2]
        events, event_problems = compile_events(self._events)
        fields, catalog_problems = compile_catalog(catalog)
        compiler = Compiler(Names(tuple(self._events), events, fields))
        weighted = compiler.weighted
        surfaces = self.surfaces
        trends = [
            Trending(str(source.params["window"]), source.place, by)
            for surface in surfaces
            for source in surface.sources
            if source.name in TRENDS
            for by in dict.fromkeys((None, source.by))  # unsplit it stands in where nothing is said
        ]
        trends += [
            Trending(USUAL, source.place, source.by)
            for surface in surfaces
            for source in surface.sources
            if source.name == "rising"
        ]
        trends += [
            Trending(grouping.window, grouping.place)
            for surface in surfaces
            for grouping in surface.groups
            if grouping.window is not None
        ]
        history = self._history if is_whole(self._history) else HISTORY
        plan = compiler.compile(self.name, groups, trends, self._postings(weighted), history)
        problems = [
            *self._problems,
            *self._own_problems(),
            *event_problems,
            *catalog_problems,
            *compiler.problems,
            *check_surfaces(surfaces, plan),
        ]
        self._compiled = version, plan, sorted(set(problems))
        return plan, self._compiled[2]

    def _postings(self, types: tuple[int, ...]) -> Postings:
        per_session, per_item, within = self._keep
        try:
            kept = milliseconds(within)
        except DefinitionError:
            kept = milliseconds("90d")  # reported by _own_problems
        return Postings(types=types, per_session=per_session, per_item=per_item, within=kept)

    def _own_problems(self) -> list[Problem]:
        problems = list(check_name(self.name, "an app", self.place))
        per_session, per_item, within = self._keep
        bounds = (
            ("session_length", per_session, 100_000),
            ("postings_per_item", per_item, 100_000),
            ("history", self._history, MAX_LAST),
        )
        for name, n, most in bounds:
            if not is_whole(n) or not 1 <= n <= most:
                hint = f"Take a whole number from 1 to {most}."
                problems.append(Problem(*self.place, f"{name} is {n!r}", hint))
        try:
            milliseconds(within)
        except DefinitionError as error:
            found = problem_of(error)
            problems.append(Problem(*self.place, found.message, found.hint))
        if not self._events:
            hint = 'Add: view = app.event("view").'
            problems.append(Problem(*self.place, "The app declares no events", hint))
        if self._catalog is None and len(catalogs := self._declared(Catalog)) > 1:
            message = f"The file has {len(catalogs)} catalogues; an app has one"
            hint = "Say which: App(..., catalog=Products)."
            second: Place = catalogs[1]._place
            problems.append(Problem(*second, message, hint))
        return problems

    def _declared(self, base: type[Any]) -> list[type[Any]]:
        """The declaring classes in the app's module, in the order of their first naming."""
        found = [
            value
            for value in self._module.values()
            if isinstance(value, type) and issubclass(value, base) and value is not base
        ]
        return list(dict.fromkeys(found))


def _default_filters(fields: tuple[PlanField, ...]) -> tuple[Filter, ...]:
    flags = [f.name for f in fields if f.kind == "bool" and f.name in ("in_stock", "available")]
    return tuple(available(name) for name in flags[:1])


def _module_at(place: Place) -> dict[str, Any]:
    """The names of the module that is being executed at `place`."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename != place.file and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_globals

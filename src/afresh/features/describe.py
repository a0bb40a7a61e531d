"""A plan for people: what would be kept, for how long, and what reads it."""

from __future__ import annotations

from afresh.errors import BadRequest
from afresh.features.durations import text
from afresh.features.plan import Family, Feature, Plan, Slot, Window
from afresh.problems import suggest

ENGINES = ("embedded", "flink", "kafka-streams")
"""Engines this version can describe; the plan is the same for every one."""


def describe_plan(plan: Plan, engine: str = "embedded") -> str:
    """The plan as text. Raises BadRequest for an engine that does not exist."""
    if engine not in ENGINES:
        raise BadRequest(
            f"There is no engine {engine!r}", hint=suggest(engine, ENGINES), code="unknown_engine"
        )
    parts = [
        f"{plan.app}: plan {plan.hash}, engine {engine}, reach {text(plan.reach)}",
        _section("Events", [_event(plan, code) for code in range(len(plan.events))]),
        _section(f"Catalogue {plan.catalog.name}", _catalog(plan)),
        _section("Tiles", [_family(plan, i) for i in range(len(plan.families))]),
        _section("Distinct values", [_distinct(plan, i) for i in range(len(plan.distincts))]),
        _section("Sequences", [_sequence(plan, i) for i in range(len(plan.sequences))]),
        _section("Postings", _postings(plan)),
        _section("Features", [_feature(plan, feature) for feature in plan.features]),
        _section("Trends", [f"{t.name:<14} {describe_window(t.read.window)}" for t in plan.trends]),
    ]
    return "\n\n".join(part for part in parts if part)


def describe_window(window: Window) -> str:
    """A window as it is written in a definition."""
    if window.kind == "tumbling":
        return f'tumbling("{text(window.width)}"){".previous" if window.previous else ""}'
    if window.kind == "sliding":
        return f'sliding("{text(window.size)}", hop="{text(window.width)}")'
    if window.kind == "daily":
        return f"daily({window.size})"
    if window.kind == "session":
        return f'session("{text(window.gap)}", within="{text(window.size)}")'
    return f'decayed("{text(window.half_life)}")'


def _section(title: str, lines: list[str]) -> str:
    return "\n".join([title, *(f"  {line}" for line in lines)]) if lines else ""


def _event(plan: Plan, code: int) -> str:
    event = plan.events[code]
    fields = ", ".join(f"{f.name}: {f.kind}" for f in event.fields)
    return f"{event.name:<12} weight {event.weight:<4} {fields}".rstrip()


def _catalog(plan: Plan) -> list[str]:
    return [f"{f.name:<12} {f.kind}" for f in plan.catalog.fields]


def _family(plan: Plan, index: int) -> str:
    family: Family = plan.families[index]
    key = f"{family.key} × {_input(plan, family.split)}" if family.split is not None else family.key
    slots = ", ".join(_slot(plan, slot) for slot in family.slots)
    return f"{key:<32} width {text(family.width):<5} reach {text(family.reach):<6} {slots}"


def _slot(plan: Plan, slot: Slot) -> str:
    types = "+".join(plan.events[code].name for code in slot.types)
    return f"{slot.op}({types}{'' if slot.input is None else '.' + _input(plan, slot.input)})"


def _input(plan: Plan, index: int | None) -> str:
    if index is None:
        return ""
    column = plan.inputs[index]
    if column.kind == "hour":
        sign, minutes = "-" if column.offset < 0 else "+", abs(column.offset) // 60_000
        return f"{column.name}{sign}{minutes // 60:02}:{minutes % 60:02}"
    return f"{column.name} in bands" if column.bands else column.name


def _distinct(plan: Plan, index: int) -> str:
    d = plan.distincts[index]
    kept = f"{d.value or _input(plan, d.input)}, the {d.k} least hashes"
    types = ", ".join(plan.events[code].name for code in d.types)
    return f"{d.key:<32} width {text(d.width):<5} reach {text(d.reach):<6} {kept}, of {types}"


def _sequence(plan: Plan, index: int) -> str:
    s = plan.sequences[index]
    types = ", ".join(plan.events[code].name for code in s.types)
    return f"{s.key:<32} last {s.n} within {text(s.within)} of {types}"


def _postings(plan: Plan) -> list[str]:
    p = plan.postings
    types = ", ".join(plan.events[code].name for code in p.types)
    n = plan.sequences[plan.history].n
    kept = f"{p.per_session} events a session, {p.per_item} an item, {n} a user, "
    kept += f"within {text(p.within)}"
    return [f"{kept}, of {types}"] if p.types else []


def _feature(plan: Plan, feature: Feature) -> str:
    asked = [feature.window] if feature.window else [read.window for read in feature.reads]
    windows = dict.fromkeys(describe_window(window) for window in asked)
    over = " / ".join(windows) if windows else f"n={feature.n}"
    split = f" by {_input(plan, feature.split)}" if feature.split is not None else ""
    name = f"{feature.group}.{feature.name}"
    return f"{name:<32} {feature.key:<12} {feature.kind:<8} {over}{split}"

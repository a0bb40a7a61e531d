"""The document: all that the runner needs of a plan, as data, so that it holds no rule of its own.

Facts are named as in `rows/identity.py`. Every time and width is in ms.
"""

from __future__ import annotations

import msgspec

from afresh.events.columnar import LIMIT, MAX_TS, Columnar
from afresh.events.schema import IDENTIFY
from afresh.features.columns import HOUR_MS, band_labels, item_columns
from afresh.features.engines.rows.atoms import LOG, atoms_of
from afresh.features.engines.rows.identity import MOMENT, distinct_name, family_name, key_input
from afresh.features.engines.rows.lists import VISIT, lists_of
from afresh.features.engines.rows.scales import check_scales
from afresh.features.plan import Distinct, Family, Input, Plan

FORMAT = 1
"""Version of the document. The runner refuses another one."""

SLACK_MS = 2 * HOUR_MS
"""How much longer than the doors' horizon an event's id is remembered: an hour that timestamps may
be ahead, and an hour that clocks may differ."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The base of everything in a document; nothing is left out of it."""


class Column(Part, frozen=True, kw_only=True):
    """A text of an event, with something before it."""

    prefix: str = ""
    column: str


Text = tuple[Column, ...]
"""What an event says: of the first column that has a text."""

OWNER = (Column(prefix="u:", column="user_id"), Column(prefix="s:", column="session_id"))
SESSION = (Column(prefix="s:", column="session_id"),)
VISITS = (*SESSION, *OWNER)

KEYS: dict[str, Text] = {
    "user_id": OWNER,
    "session_id": SESSION,
    "item_id": (Column(column="item_id"),),
    VISIT: VISITS,
}
HASHED: dict[str, Text] = {
    "user_id": (Column(prefix="u", column="user_id"), Column(prefix="s", column="session_id")),
    "session_id": (Column(prefix="s", column="session_id"),),
    "item_id": (Column(column="item_id"),),
}
"""Ids as they are hashed, to count distinct ones."""


class Group(Part, frozen=True, kw_only=True):
    """What a tile is split by: a text; or the hour of day; or a band of the first column that has a
    number, labels[i] below edges[i], and the last label from the last edge on."""

    text: Text | None = None
    hour_offset: int | None = None
    columns: tuple[str, ...] = ()
    edges: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()


class Atom(Part, frozen=True, kw_only=True):
    """moment: keeps timestamps; columns: of the number that is kept, the first that has one; with
    neither, events are only counted."""

    input: str
    types: tuple[str, ...]
    moment: bool = False
    columns: tuple[str, ...] = ()


class Tiles(Part, frozen=True, kw_only=True):
    family: str
    width: int
    group: Group | None
    atoms: tuple[Atom, ...]


class Kept(Part, frozen=True, kw_only=True):
    list: str
    types: tuple[str, ...]
    n: int


class Counted(Part, frozen=True, kw_only=True):
    counted: str
    types: tuple[str, ...]
    width: int
    k: int
    value: Text


class Facts(Part, frozen=True, kw_only=True):
    """All that is kept of one key of events, of the types that touch any of it."""

    key: Text
    types: tuple[str, ...]
    tiles: tuple[Tiles, ...]
    lists: tuple[Kept, ...]
    distincts: tuple[Counted, ...]


class Placed(Part, frozen=True, kw_only=True):
    """Where the runner reads and writes. application: its id, and its consumer group."""

    brokers: str
    application: str
    events: str
    facts: str


class Document(Part, frozen=True, kw_only=True):
    """texts, numbers: the columns of events; what has another type in one of them is no event.

    state_ms: state lives until F is so far behind it; ids_ms: the id of an event, until the brokers
    got one so much later.
    """

    format: int = FORMAT
    app: str
    plan: str
    topics: Placed
    types: tuple[str, ...]
    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    number_limit: int = LIMIT
    moment_limit: int = MAX_TS + 1
    text_bytes: int = 256
    state_ms: int
    ids_ms: int
    owner: Text = OWNER
    visit: Text = VISITS
    link_type: str = IDENTIFY.name
    log: str = LOG
    moment: str = MOMENT
    facts: tuple[Facts, ...]


def document_of(plan: Plan, topics: Placed, admission_ms: int) -> Document:
    """admission_ms: how late an event may be (setting `admission_horizon`).

    Raises AfreshError when a column is read with different decimal places.
    """
    check_scales(plan)
    columnar, (item_texts, item_numbers) = Columnar(plan.accepted), item_columns(plan)
    return Document(
        app=plan.app,
        plan=plan.hash,
        topics=topics,
        types=tuple(event.name for event in plan.accepted),
        texts=(*columnar.texts, *item_texts),
        numbers=(*columnar.numbers, *item_numbers),
        # What a door admits always finds the state that it adds to.
        state_ms=plan.reach + admission_ms + HOUR_MS,
        ids_ms=admission_ms + SLACK_MS,
        facts=tuple(_facts(plan, key) for key in _keys(plan)),
    )


def _keys(plan: Plan) -> list[str]:
    keys = [family.key for family in plan.families]
    keys += [kept.key for kept in lists_of(plan)] + [spec.key for spec in plan.distincts]
    return list(dict.fromkeys(keys))


def _facts(plan: Plan, key: str) -> Facts:
    tiles = [_tiles(plan, family) for family in plan.families if family.key == key]
    lists = [
        Kept(list=kept.name, types=_types(plan, kept.types), n=kept.n)
        for kept in lists_of(plan)
        if kept.key == key
    ]
    distincts = [_counted(plan, spec) for spec in plan.distincts if spec.key == key]
    touching: list[Atom | Kept | Counted] = [*lists, *distincts]
    touching += [atom for counted in tiles for atom in counted.atoms]
    types = dict.fromkeys(name for spec in touching for name in spec.types)
    return Facts(key=_key(plan, key), types=tuple(types), tiles=tuple(tiles), lists=tuple(lists),
                 distincts=tuple(distincts))  # fmt: skip


def _tiles(plan: Plan, family: Family) -> Tiles:
    atoms = tuple(
        Atom(
            input=atom.input,
            types=_types(plan, atom.types),
            moment=atom.input == MOMENT,
            columns=() if atom.source is None else _columns(plan.inputs[atom.source]),
        )
        for atom in atoms_of(plan, family)
    )
    group = None if family.split is None else _group(plan.inputs[family.split])
    return Tiles(family=family_name(plan, family), width=family.width, group=group, atoms=atoms)


def _counted(plan: Plan, spec: Distinct) -> Counted:
    value = HASHED[spec.value] if spec.input is None else _text(plan.inputs[spec.input])
    return Counted(counted=distinct_name(plan, spec), types=_types(plan, spec.types),
                   width=spec.width, k=spec.k, value=value)  # fmt: skip


def _group(source: Input) -> Group:
    if source.kind == "hour":
        return Group(hour_offset=source.offset)
    if source.kind == "text":
        return Group(text=_text(source))
    return Group(columns=_columns(source), edges=source.bands,
                 labels=tuple(band_labels(source.bands)))  # fmt: skip


def _key(plan: Plan, key: str) -> Text:
    return KEYS.get(key) or _text(key_input(plan, key))


def _text(source: Input) -> Text:
    return tuple(Column(column=name) for name in _columns(source))


def _types(plan: Plan, codes: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(plan.events[code].name for code in codes)


def _columns(source: Input) -> tuple[str, ...]:
    return (source.name,) if source.fallback is None else (source.name, source.fallback)

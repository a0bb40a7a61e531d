"""A training run: from the log to a model in the registry, with a report of what it is worth."""

from __future__ import annotations

import platform
import time
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
import numba
import numpy as np
from numpy.typing import NDArray

from afresh.app import App
from afresh.errors import AfreshError, NotFound
from afresh.log import Log
from afresh.log.sqlite import SqliteLog
from afresh.problems import suggest
from afresh.promoted import FOLDER
from afresh.rank.columns import Columns
from afresh.rank.manifest import Manifest, Range, said_columns
from afresh.rank.registry import MODEL, Registry, checksums
from afresh.rank.trained import RERANKED, Ranker, load_ranker, log_odds
from afresh.rank.trees import Trees, read_trees
from afresh.surfaces.spec import Surface
from afresh.train.card import CARD, card
from afresh.train.examples import Examples, asked_again
from afresh.train.fit import Fitted, Lists, fitted, fitted_whole, lightgbm
from afresh.train.impressions import ENOUGH, joined, looked_again, read_impressions
from afresh.train.judging import JUDGE, LEARN
from afresh.train.outcomes import Progress, read_outcomes
from afresh.train.refusals import check_enough, check_leaks, telling_columns
from afresh.train.report import REPORT, Report, Seconds, reported
from afresh.vectors.shelf import FOLDER as SHELF
from afresh.vectors.shelf import Shelf

RowsFrom = Literal["auto", "impressions", "replay"]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to train. rows: about how many examples; rows_from: `auto` takes impressions where
    ENOUGH of them have an outcome, else a replay; name: of the model, "" for one made of the
    moment; without: columns to leave out; whole: have the model that is kept learn from all
    questions, once it is known how many trees help; threads: None for one a core."""

    surface: str = "home"
    rows: int = 1_000_000
    seed: int = 0
    rows_from: RowsFrom = "auto"
    name: str = ""
    without: tuple[str, ...] = ()
    whole: bool = False
    threads: int | None = None


class Gathered(NamedTuple):
    """Examples, the part of the log that they are of, and what they are: impressions or a
    replay."""

    examples: Examples
    data: Range
    rows_from: str


def gathered(
    app: App, folder: Path, wanted: Wanted, current: Ranker | None, progress: Progress
) -> Gathered:
    """The examples that the log in `folder`, which a server may be writing, and the traces beside
    it give. Raises NotFound (surface) and AfreshError."""
    plan, surface = app.plan(), surface_of(app, wanted.surface)
    log, shelf = SqliteLog(folder, app=app.name, readonly=True), Shelf(folder / SHELF)
    try:
        until = log.end
        outcomes = read_outcomes(log, plan, until, progress)
        shown = read_impressions(folder, surface.name, log.start, until)
        taken = joined(shown, outcomes) if wanted.rows_from != "replay" else 0
        if taken >= ENOUGH or wanted.rows_from == "impressions":
            rows_from, made = "impressions", partial(looked_again, impressions=shown, shelf=shelf)
        else:
            rows_from, made = "replay", partial(asked_again, outcomes=outcomes)
        examples = made(
            plan, surface, log, rows=wanted.rows, seed=wanted.seed, until=until, current=current,
            progress=progress,
        )  # fmt: skip
        return Gathered(examples, _range(log, examples, until), rows_from)
    finally:
        log.close()


def trained(
    app: App, folder: Path, wanted: Wanted, progress: Progress = lambda stage, done, total: None
) -> Report:
    """Train a ranker on what `gathered` gives, and put it into the registry in `folder`; it ranks
    nothing before it is promoted.

    Raises NotFound (surface), MissingDependency, and AfreshError for what cannot work.
    """
    lightgbm()
    plan, surface = app.plan(), surface_of(app, wanted.surface)
    registry = Registry(folder / FOLDER)
    current = _current(registry, surface, app)
    began = time.perf_counter()
    examples, data, rows_from = gathered(app, folder, wanted, current, progress)
    asked = time.perf_counter()
    check_enough(examples)
    columns = Columns(plan, surface.inputs)
    learn, judge = (int(len(examples) * share) for share in (LEARN, LEARN + JUDGE))
    check_leaks(examples, set(columns.features) - set(wanted.without), learn)
    kept = _kept(examples, wanted.without, learn)
    fit = fitted(
        _lists(examples, 0, learn, kept), _lists(examples, learn, judge, kept), examples.gains,
        wanted.seed, progress, wanted.threads,
    )  # fmt: skip
    text = fit.text
    if wanted.whole:
        every = _lists(examples, 0, len(examples), kept)
        text = fitted_whole(
            every, fit.rounds, examples.gains, wanted.seed, progress, wanted.threads
        ).text
    took = Seconds(round(asked - began, 1), round(time.perf_counter() - asked, 1))
    return _put(
        app, surface, wanted, registry, examples, fit, kept, data, took, current, judge,
        rows_from, text,
    )  # fmt: skip


def _put(
    app: App, surface: Surface, wanted: Wanted, registry: Registry, examples: Examples,
    fit: Fitted, kept: NDArray[np.int64], data: Range, took: Seconds, current: Ranker | None,
    judge: int, rows_from: str, text: str,
) -> Report:  # fmt: skip
    """Judge what was fitted, and put it into the registry, or what the text says instead."""
    plan, now = app.plan(), time.time_ns() // 1_000_000
    names = [examples.names[at] for at in kept.tolist()]
    trees = read_trees(fit.text, len(kept))
    name = wanted.name or _name(surface.name, now)
    report = reported(
        name, surface.name, examples, judge, _scores(trees, examples, judge, kept), fit, names,
        took, _cost(trees, examples, kept), rows_from,
    )  # fmt: skip
    columns = Columns(plan, surface.inputs)
    manifest = Manifest(
        model=name,
        app=app.name,
        surface=surface.name,
        columns=said_columns(plan, columns, names),
        plan=plan.hash,
        data=data,
        seed=wanted.seed,
        created=now,
        versions=_versions(),
        metrics=msgspec.to_builtins(report.overall["this model"]),
        given=bool(examples.given.any()),
    )
    document = msgspec.json.format(msgspec.json.encode(report), indent=2)
    files = {MODEL: text.encode(), REPORT: document}
    files[CARD] = card(manifest, report, checksums(files)).encode()
    registry.add(manifest, files)
    return report


def surface_of(app: App, name: str) -> Surface:
    """A surface by its name. Raises NotFound."""
    surfaces = {surface.name: surface for surface in app.surfaces}
    if name not in surfaces:
        raise NotFound(f"There is no surface {name!r}.", hint=suggest(name, surfaces))
    return surfaces[name]


def _current(registry: Registry, surface: Surface, app: App) -> Ranker | None:
    """The model that ranks now; None where none does, or it cannot any more."""
    name = registry.promoted(surface.name)
    try:
        return load_ranker(registry, name, app.plan(), surface.inputs) if name else None
    except AfreshError:
        return None  # what the definition no longer gives is a reason to train


def _kept(examples: Examples, without: tuple[str, ...], learn: int) -> NDArray[np.int64]:
    """The columns that are learned from: int64[k]."""
    for name in without:
        if name not in examples.names:
            raise NotFound(f"There is no column {name!r}.", hint=suggest(name, examples.names))
    telling = telling_columns(examples, learn)
    left = [at for at in telling.tolist() if examples.names[at] not in without]
    return np.array(left, np.int64)


def _lists(examples: Examples, first: int, last: int, kept: NDArray[np.int64]) -> Lists:
    """The questions [first, last) whose answer is among their candidates."""
    found = np.flatnonzero(examples.found[first:last]) + first
    sizes = np.diff(examples.start)[found]
    if not len(found):
        raise AfreshError(
            "No question of one part of the time has its answer among the candidates.",
            hint="Import more history, or give the surface more sources.",
        )
    rows = np.concatenate([np.arange(examples.start[q], examples.start[q + 1]) for q in found])
    own = log_odds(examples.own[rows])
    return Lists(examples.x[np.ix_(rows, kept)], examples.grade[rows], sizes, own)


def _scores(
    trees: Trees, examples: Examples, first: int, kept: NDArray[np.int64]
) -> NDArray[np.float64]:
    rows = examples.rows(first, len(examples))
    x = np.ascontiguousarray(examples.x[rows][:, kept])
    return trees(x) + log_odds(examples.own[rows])


def _cost(trees: Trees, examples: Examples, kept: NDArray[np.int64]) -> float:
    """µs for which RERANKED candidates are scored, the median of some questions."""
    x = np.ascontiguousarray(examples.x[-RERANKED:][:, kept])
    took = []
    for _ in range(200):
        began = time.perf_counter()
        trees(x)
        took.append((time.perf_counter() - began) * 1e6)
    return round(float(np.median(took)), 1)


def _range(log: Log, examples: Examples, until: int) -> Range:
    ts = examples.ts if len(examples) else np.zeros(1, np.int64)
    return Range(log=log.id, first=log.start, end=until, min_ts=int(ts.min()), max_ts=int(ts.max()))


def _name(surface: str, now: int) -> str:
    moment = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now / 1000))
    return f"{surface}-{moment}-{now % 1000:03d}"


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {
        "afresh": version("afresh"),
        "lightgbm": lightgbm().__version__,
        "numba": numba.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }

"""`afresh models`: the registry of trained rankers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from afresh.cli import models_add
from afresh.cli.terminal import AppFile, AsJson, Config, DataFolder, say, say_json

if TYPE_CHECKING:
    from afresh.app import App
    from afresh.rank.registry import Registry

NAME = "models"
Model = Annotated[str, typer.Argument(metavar="MODEL", help="Its name.", show_default=False)]
OfSurface = Annotated[str, typer.Option("--surface", help="The surface.")]

app = typer.Typer(
    no_args_is_help=True,
    help="Trained rankers: what there is, what ranks, what ranked before.\n\n"
    "Example: `afresh models list app.py --data data`",
)


@app.command("list")
def list_(
    file: AppFile, data: DataFolder = None, config: Config = None, as_json: AsJson = False
) -> None:
    """The models there are, the oldest first, and which of them rank.

    Example: `afresh models list app.py --data data`
    """
    registry = _registry(file, config, data)
    ranking = {turns[-1].model for turns in registry.turns().values() if turns}
    rows = [_summary(registry, name, name in ranking) for name in registry.names()]
    if as_json:
        say_json(rows)
        return
    if not rows:
        say("There is no model yet. Train one: afresh train APP.py")
    for row in rows:
        mark = "*" if row["ranks"] else " "
        say(
            f"{mark} {row['model']:<36} {row['surface']:<12} HR@20 {_measure(row['hr'])}  "
            f"MRR@20 {_measure(row['mrr'])}  {row['created']}"
        )


@app.command()
def show(
    file: AppFile, model: Model, data: DataFolder = None, config: Config = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """The manifest of a model and its report, after its files were compared with their checksums.

    Example: `afresh models show app.py home-20260101T000000-000 --data data`
    """
    import msgspec

    from afresh.train.report import REPORT, Report, told

    manifest, files = _registry(file, config, data).read(model)
    if as_json:
        said = {"manifest": manifest, "report": msgspec.Raw(files.get(REPORT, b"null"))}
        say_json(said)
        return
    span, data_of = "not known", manifest.data
    if data_of is not None:
        span = f"offsets {data_of.first:,} to {data_of.end:,} of log {data_of.log}"
    for name, value in (
        ("model", manifest.model), ("surface", manifest.surface), ("definition", manifest.plan),
        ("data", span), ("seed", "not known" if manifest.seed is None else manifest.seed),
        ("made with", _pairs(manifest.versions)), ("columns", len(manifest.columns)),
        ("scores", f"{'on top of' if manifest.on_top else 'replace'} the surface's own"),
    ):  # fmt: skip
        say(f"{name + ':':<12} {value}")
    if REPORT in files:
        say("")
        for line in told(msgspec.json.decode(files[REPORT], type=Report)):
            say(line)


@app.command()
def card(file: AppFile, model: Model, data: DataFolder = None, config: Config = None) -> None:
    """A model's card, Markdown: what it is for, what it is worth, and where it falls short.

    The headings are those of Mitchell et al., "Model Cards for Model Reporting" (FAT* 2019). It is
    made with the model and lies beside it, as card.md.

    Example: `afresh models card app.py home-20260101T000000-000 --data data > card.md`
    """
    import msgspec

    from afresh.train.card import CARD
    from afresh.train.card import card as made
    from afresh.train.report import REPORT, Report

    manifest, files = _registry(file, config, data).read(model)
    if CARD in files:
        say(files[CARD].decode().rstrip())
        return
    report = msgspec.json.decode(files[REPORT], type=Report) if REPORT in files else None
    say(made(manifest, report, manifest.files).rstrip())


app.command("add")(models_add.add)
app.command("columns")(models_add.columns)


@app.command()
def diff(
    file: AppFile, one: Model, other: Model, data: DataFolder = None, config: Config = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """What two models differ in: columns, data, seed, versions, and the measures.

    Example: `afresh models diff app.py first second --data data`
    """
    registry = _registry(file, config, data)
    said = _differences(registry, one, other)
    if as_json:
        say_json(said)
        return
    for name, values in said.items():
        say(f"{name:<24} {values[0]} → {values[1]}")
    if not said:
        say("They were made from the same, and are worth the same.")


@app.command()
def promote(file: AppFile, model: Model, data: DataFolder = None, config: Config = None) -> None:
    """Have a model rank its surface from now on; a running server notices within a second or two.

    It is loaded and tested first: one that reads what the definition no longer gives, scores
    what is no number, or is slow, is refused.

    Example: `afresh models promote app.py home-20260101T000000-000 --data data`
    """
    from afresh.loading import load

    promoted(load(file), _folder(file, config, data), model)
    say(f"{model} ranks from now on")


@app.command()
def rollback(
    file: AppFile, surface: OfSurface = "home", data: DataFolder = None, config: Config = None
) -> None:
    """Have the model before the one in force rank again, or none if there was none.

    Example: `afresh models rollback app.py --surface home --data data`
    """
    before = _registry(file, config, data).rollback(surface, _now())
    say(f"{before} ranks again" if before else f"No model ranks {surface!r} any more")


@app.command()
def prune(
    file: AppFile,
    keep: Annotated[int, typer.Option(min=0, help="How many of the newest stay.")] = 5,
    data: DataFolder = None,
    config: Config = None,
) -> None:
    """Remove old models, never one that ranks or the one before it.

    Example: `afresh models prune app.py --keep 5 --data data`
    """
    gone = _registry(file, config, data).prune(keep)
    say(f"{len(gone)} removed{': ' + ', '.join(gone) if gone else ''}")


def promoted(app: App, folder: Path, model: str) -> None:
    """Test a model as a server would, and have it rank. Raises as `load_ranker`."""
    from afresh.errors import NotFound
    from afresh.promoted import FOLDER
    from afresh.rank.registry import Registry
    from afresh.rank.trained import load_ranker

    registry = Registry(folder / FOLDER)
    surface = registry.manifest(model).surface
    inputs = {each.name: each.inputs for each in app.surfaces}
    if surface not in inputs:
        raise NotFound(
            f"The model {model} ranks the surface {surface!r}, which the definition does not have.",
            hint="Train again for a surface that it has.",
        )
    load_ranker(registry, model, app.plan(), inputs[surface])
    registry.promote(surface, model, _now())


def _differences(registry: Registry, one: str, other: str) -> dict[str, tuple[Any, Any]]:
    a, b = registry.manifest(one), registry.manifest(other)
    pairs: dict[str, tuple[Any, Any]] = {
        name: (getattr(a, name), getattr(b, name))
        for name in ("kind", "surface", "plan", "seed", "on_top")
    }
    for field in ("first", "end", "min_ts", "max_ts"):
        pairs[f"data {field}"] = getattr(a.data, field, None), getattr(b.data, field, None)
    for said, left, right in (("", a.metrics, b.metrics), ("version of ", a.versions, b.versions)):
        for name in dict.fromkeys((*left, *right)):
            pairs[f"{said}{name}"] = left.get(name), right.get(name)
    columns = [{c.name: c.meaning for c in each.columns} for each in (a, b)]
    for name in dict.fromkeys((*columns[0], *columns[1])):
        held = [name in each for each in columns]
        if held != [True, True]:
            pairs[f"column {name}"] = ("read" if held[0] else "–", "read" if held[1] else "–")
        elif columns[0][name] != columns[1][name]:
            pairs[f"meaning of {name}"] = columns[0][name], columns[1][name]
    return {name: values for name, values in pairs.items() if values[0] != values[1]}


def _summary(registry: Registry, name: str, ranks: bool) -> dict[str, Any]:
    from afresh.rank.manifest import moment

    manifest = registry.manifest(name)
    made = moment(manifest.created)
    said = {"model": name, "surface": manifest.surface, "ranks": ranks, "created": made}
    measured = {key: manifest.metrics.get(key) for key in ("hr", "mrr", "ndcg")}
    return {**said, **measured, "columns": len(manifest.columns), "seed": manifest.seed}


def _measure(value: float | None) -> str:
    return "–     " if value is None else f"{value:.4f}"


def _pairs(values: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _folder(file: Path, config: Path | None, data: Path | None) -> Path:
    from afresh.settings import load_settings

    return load_settings(file, config, data=data).data


def _registry(file: Path, config: Path | None, data: Path | None) -> Registry:
    from afresh.promoted import FOLDER
    from afresh.rank.registry import Registry

    return Registry(_folder(file, config, data) / FOLDER)


def _now() -> int:
    return time.time_ns() // 1_000_000

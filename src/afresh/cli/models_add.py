"""`afresh models add` and `columns`: for models that were made elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afresh.cli.terminal import AppFile, AsJson, Config, DataFolder, say, say_json

OfSurface = Annotated[str, typer.Option("--surface", help="The surface whose lists it ranks.")]


def add(
    file: AppFile,
    name: Annotated[
        str, typer.Argument(metavar="MODEL", help="What it is to be called.", show_default=False)
    ],
    onnx: Annotated[
        Path, typer.Option("--onnx", help="The model, one ONNX file.", show_default=False)
    ],
    surface: OfSurface = "home",
    columns: Annotated[
        Path | None,
        typer.Option(
            help="A file that names the columns it reads, one a line, in the order of its input; "
            "without it, the JSON list `columns` in its metadata does."
        ),
    ] = None,
    on_top: Annotated[
        bool,
        typer.Option(
            "--on-top",
            help="Add its scores to the log-odds of the surface's own score, as models of `afresh "
            "train` do; else they replace it.",
        ),
    ] = False,
    data: DataFolder = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Add a ranker that was made elsewhere, as an ONNX file, to the registry.

    It takes float32[n, columns] for any n and gives one number a row, the greater the better; a
    missing value is NaN. It is tested before it is added, as every model is before it ranks. Needs
    `afresh[onnx]`, here and where it serves.

    Example: `afresh models add app.py mine --onnx mine.onnx --columns columns.txt --data data`
    """
    from afresh.errors import AfreshError
    from afresh.loading import load
    from afresh.settings import load_settings
    from afresh.train.adding import added

    folder = load_settings(file, config, data=data).data
    for path in (onnx, columns):
        if path is not None and not path.is_file():
            raise AfreshError(f"There is no file {path}", hint="Check the options.")
    named = [] if columns is None else columns.read_text(encoding="utf-8").splitlines()
    manifest = added(
        load(file), folder, onnx.read_bytes(), name=name, surface=surface, on_top=on_top,
        columns=[line.strip() for line in named if line.strip()],
    )  # fmt: skip
    if as_json:
        say_json(manifest)
        return
    does = "are added to" if on_top else "replace"
    say(f"{name} reads {len(manifest.columns)} columns; its scores {does} the surface's own")
    say(f"\nHave it rank: afresh models promote {file} {name} --data {folder}")


def columns(file: AppFile, surface: OfSurface = "home", as_json: AsJson = False) -> None:
    """The columns that a ranker of a surface may read, one a line.

    Example: `afresh models columns app.py --surface home > columns.txt`
    """
    from afresh.loading import load
    from afresh.rank.columns import Columns
    from afresh.train.run import surface_of

    app = load(file)
    names = Columns(app.plan(), surface_of(app, surface).inputs).names
    if as_json:
        say_json(names)
        return
    for name in names:
        say(name)

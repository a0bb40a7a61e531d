"""Models made elsewhere: an ONNX file, tested as every model is, and put into the registry."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np

from afresh.app import App
from afresh.errors import BadRequest, CorruptData, NotFound
from afresh.problems import suggest
from afresh.promoted import FOLDER
from afresh.rank.columns import Columns
from afresh.rank.graph import Graph, onnxruntime, open_graph
from afresh.rank.manifest import ONNX, Manifest, said_columns
from afresh.rank.registry import GRAPH, Registry, checksums
from afresh.rank.trained import ranker_of
from afresh.train.card import CARD, card
from afresh.train.run import surface_of

METADATA = "columns"
"""The entry of a graph's metadata that names its columns, a JSON list in the order of its input."""


def added(
    app: App, folder: Path, data: bytes, *, name: str, surface: str = "home",
    columns: Sequence[str] = (), on_top: bool = False,
) -> Manifest:  # fmt: skip
    """Put an ONNX file into the registry in `folder`; it ranks nothing before it is promoted.

    columns: what it reads, in the order of its input; of none, those that its metadata names.
    on_top: whether its scores are added to the log-odds of the surface's own, or replace it.
    Raises NotFound (surface, column), BadRequest for a name that is taken, and as `ranker_of` for
    what could not rank.
    """
    plan, found = app.plan(), surface_of(app, surface)
    every, graph = Columns(plan, found.inputs), open_graph(data)
    names = _named(columns or _of(graph), every.names, surface)
    manifest = Manifest(
        kind=ONNX,
        model=name,
        app=app.name,
        surface=surface,
        columns=said_columns(plan, every, names),
        plan=plan.hash,
        data=None,
        seed=None,
        created=time.time_ns() // 1_000_000,
        versions=_versions() | ({"made by": graph.producer} if graph.producer else {}),
        metrics={},
        on_top=on_top,
    )
    files = {GRAPH: data}
    ranker_of(manifest, files, plan, found.inputs)
    files[CARD] = card(manifest, None, checksums(files)).encode()
    Registry(folder / FOLDER).add(manifest, files)
    return manifest


def _of(graph: Graph) -> list[str]:
    """The columns that a graph's metadata names."""
    said = graph.metadata.get(METADATA)
    if said is None:
        raise BadRequest(
            "The model does not say which columns it reads.",
            hint=f"Name them with --columns, or write {METADATA!r}, a JSON list, into its "
            "metadata. `afresh models columns` says which there are.",
        )
    try:
        return msgspec.json.decode(said, type=list[str])
    except msgspec.MsgspecError as error:
        raise CorruptData(
            f"The columns in the model's metadata are no list of names: {error}",
            hint='They are a JSON list: ["events", "trend"].',
        ) from error


def _named(names: Sequence[str], every: Sequence[str], surface: str) -> list[str]:
    for at, name in enumerate(names):
        if name not in every:
            raise NotFound(
                f"There is no column {name!r} for the surface {surface!r}.",
                hint=suggest(name, every) or "`afresh models columns` says which there are.",
            )
        if name in names[:at]:
            raise BadRequest(f"The column {name!r} is named twice.", hint="Name each once.")
    return list(names)


def _versions() -> dict[str, str]:
    return {
        "afresh": version("afresh"),
        "numpy": np.__version__,
        "onnxruntime": onnxruntime().__version__,
        "python": platform.python_version(),
    }

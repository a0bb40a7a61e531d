"""`afresh features`"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from afresh.cli.terminal import AppFile, AsJson, Config, DataFolder, say_json

if TYPE_CHECKING:
    from afresh.settings import Settings

NAME = "features"


def run(
    file: AppFile,
    keys: Annotated[
        list[str], typer.Argument(metavar="KEY=ID,ID…", help="Of whom: item_id=i1,i2 user_id=u1.")
    ],
    feature: Annotated[
        list[str] | None, typer.Option("--feature", help="Only this one; may be repeated.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="The values as of then: RFC 3339, or epoch milliseconds."),
    ] = None,
    data: DataFolder = None,
    url: Annotated[
        str | None, typer.Option("--url", help="Ask the server there instead of the folder.")
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Read the values of features, now or as of a moment.

    Reads the folder itself when no server holds it, else asks the server with `--url`.

    Example: `afresh features app.py --data data item_id=i1,i2 --feature views_hour --as-of
    2024-01-01T00:00:00Z`
    """
    from afresh.settings import load_settings

    asked = _keys(keys)
    moment = _moment(as_of)
    settings = load_settings(file, config, data=data)
    if url is not None:
        body = {"keys": asked, "features": feature, "as_of": moment}
        rows = _ask(url, body, settings)
    else:
        rows = _read(file, settings, asked, feature, moment)
    if as_json:
        say_json(rows)
    else:
        _show(rows)


def _keys(given: list[str]) -> dict[str, list[str]]:
    asked: dict[str, list[str]] = {}
    for text in given:
        key, equals, ids = text.partition("=")
        if not equals or not key or not ids:
            raise typer.BadParameter(f"{text!r} is not like item_id=i1,i2.")
        asked.setdefault(key, []).extend(i for i in ids.split(",") if i)
    return asked


def _moment(text: str | None) -> int | None:
    if text is None or text.isdecimal():
        return None if text is None else int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a time like 2024-01-01T00:00:00Z.") from None
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no offset from UTC; end it with Z.")
    return round(moment.timestamp() * 1000)


def _read(
    file: Path,
    settings: Settings,
    keys: dict[str, list[str]],
    names: list[str] | None,
    as_of: int | None,
) -> list[dict[str, Any]]:
    from afresh.errors import AfreshError, Unavailable
    from afresh.loading import load
    from afresh.opening import open_runtime

    app = load(file)
    if not settings.data.is_dir():
        raise AfreshError(f"There is no folder {settings.data}", hint="Name it with --data.")
    try:
        runtime = open_runtime(app, settings.data, settings)
    except Unavailable as error:
        hint = "Ask the server that holds it: --url http://127.0.0.1:8000"
        raise Unavailable(error.message, hint=hint) from error
    try:
        return runtime.features(keys, names, as_of).rows
    finally:
        runtime.close()


def _ask(url: str, body: dict[str, Any], settings: Settings) -> list[dict[str, Any]]:
    import json
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    from afresh.errors import AfreshError

    headers = {"content-type": "application/json"}
    if (key := settings.key()) is not None:
        headers["x-api-key"] = key
    if not url.startswith(("http://", "https://")):
        raise typer.BadParameter(f"{url!r} is not like http://127.0.0.1:8000.")
    request = Request(url.rstrip("/") + "/v1/features", json.dumps(body).encode(), headers)
    try:
        with urlopen(request, timeout=60) as answer:
            rows: list[dict[str, Any]] = json.load(answer)["rows"]
            return rows
    except HTTPError as error:
        try:
            said = json.load(error)
        except ValueError:
            said = {"detail": f"{url} answered {error.code}"}
        raise AfreshError(said.get("detail", ""), hint=said.get("hint", "")) from error
    except (URLError, OSError) as error:
        hint = "Is the server running? Leave --url out to read the folder."
        raise AfreshError(f"{url} cannot be reached: {error}", hint=hint) from error


def _show(rows: list[dict[str, Any]]) -> None:
    """A table for each key."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row), []).append(row)
    for names, group in groups.items():
        table = Table(*names, show_edge=False, box=None, header_style="bold")
        for row in group:
            table.add_row(*map(_cell, row.values()))
        console.print(table)


def _cell(value: Any) -> str:
    from rich.markup import escape

    if isinstance(value, dict):
        return escape(", ".join(f"{k}: {_cell(v)}" for k, v in value.items())) or "–"
    if isinstance(value, list):
        return escape(", ".join(map(_cell, value))) or "–"
    return (
        "–" if value is None else escape(f"{value:g}" if isinstance(value, float) else str(value))
    )

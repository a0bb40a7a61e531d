"""Settings from a file, the environment and the command line, and what is wrong with them."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from afresh.errors import AfreshError
from afresh.problems import suggest
from afresh.settings.declared import PREFIX, Settings

FILE = "afresh.toml"
TEST_VARIABLES = ("AFRESH_REQUIRE_ENGINES", "AFRESH_CHROMIUM", "AFRESH_ENGINES")
"""What the project's own tests read; no settings of a server."""


def load_settings(app: Path | None = None, config: Path | None = None, **given: Any) -> Settings:
    """The settings in force for a definition file.

    `config` names a TOML file; without it `afresh.toml` beside `app` is read if it is there.
    `given` comes from the command line; None there means not given. Raises AfreshError with the
    file or the variable, and what to write instead.
    """
    file = config or (app.parent / FILE if app is not None else None)
    values: dict[str, Any] = {}
    if file is not None and (config is not None or file.is_file()):
        values = _read(file)
    _check_environment()
    variables = {name.upper() for name in os.environ if os.environ[name]}
    values = {k: v for k, v in values.items() if PREFIX + k.upper() not in variables}
    said = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(**{**values, **said})
    except ValidationError as error:
        raise _explained(error, file if values else None, said) from error


def _read(file: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise AfreshError(f"{file} cannot be read: {error}", hint="Check --config.") from error
    except tomllib.TOMLDecodeError as error:
        hint = 'Settings are lines like: port = 8000 or admission_horizon = "24h".'
        raise AfreshError(f"{file} is not TOML: {error}", hint=hint) from error
    for name in values:
        if name not in Settings.model_fields:
            hint = suggest(name, Settings.model_fields)
            raise AfreshError(f"{file}: there is no setting {name!r}", hint=hint)
    return values


def _check_environment() -> None:
    """Other programs may use the prefix; a name near a setting's is a typing mistake."""
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    for name in os.environ:
        if name.startswith(PREFIX) and name not in (*known, *TEST_VARIABLES):
            hint = suggest(name.removeprefix(PREFIX), [k.removeprefix(PREFIX) for k in known])
            if hint.startswith("Did you mean"):
                hint = hint.replace("mean ", f"mean {PREFIX}")
                raise AfreshError(f"There is no setting for {name} (environment)", hint=hint)


def _explained(error: ValidationError, file: Path | None, said: dict[str, Any]) -> AfreshError:
    first = error.errors(include_input=False, include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    text = first["msg"].removeprefix("Value error, ")
    if not name:
        return AfreshError(f"Settings: {text}", hint="Give another value.")
    if name in said:
        where = f"--{name.replace('_', '-')}"
    elif os.environ.get(PREFIX + name.upper()):
        where = f"{PREFIX}{name.upper()} (environment)"
    else:
        where = f"{file}: {name}" if file else name
    field = Settings.model_fields.get(name)
    hint = (field.description or "") if field else suggest(name, Settings.model_fields)
    return AfreshError(f"{where}: {text[:1].lower()}{text[1:]}", hint=hint)

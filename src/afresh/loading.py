"""Open a definition file: import it, find its App, and say exactly where it is wrong."""

from __future__ import annotations

import builtins
import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Iterable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import afresh
from afresh.app import App
from afresh.errors import DefinitionError
from afresh.problems import Problem, problem_of, suggest


def load(path: str | Path) -> App:
    """The one App of a definition file, not compiled yet.

    The file is imported under a name of its own, so two of them in one process do not
    meet; the folder it stands in can be imported from. Raises DefinitionError with file
    and line when it does not exist, does not run, or has no App or several.
    """
    file = Path(path)
    if not file.is_file():
        near = [p.name for p in file.parent.glob("*.py")] if file.parent.is_dir() else []
        hint = suggest(file.name, near) or "Make one with `afresh new FOLDER`."
        raise DefinitionError(f"There is no file {file}", hint=hint)
    module = _import(file.resolve())
    apps = list({id(v): v for v in vars(module).values() if isinstance(v, App)}.values())
    if not apps:
        hint = 'Add: app = App("shop").'
        raise DefinitionError("This file defines no App", hint=hint, file=str(file), line=1)
    if len(apps) > 1:
        names = " and ".join(repr(app.name) for app in apps)
        raise DefinitionError(
            f"This file defines several Apps: {names}",
            hint="Keep one App a file.",
            file=str(file),
            line=apps[1].place.line,
        )
    return apps[0]


def check(path: str | Path) -> list[Problem]:
    """Every mistake in a definition file; empty when it is sound.

    A file that does not run has one problem: the line where it stopped.
    """
    try:
        return load(path).problems()
    except DefinitionError as error:
        return [problem_of(error)]


class _Source(SourceFileLoader):
    """Always reads the source: leaves no `__pycache__` beside it and trusts none."""

    def path_stats(self, path: str) -> dict[str, float]:
        raise OSError("bytecode is not cached")


def _import(file: Path) -> ModuleType:
    digest = hashlib.sha256(str(file).encode()).hexdigest()[:12]
    name = f"_definition_{file.stem}_{digest}"
    loader = _Source(name, str(file))
    spec = importlib.util.spec_from_file_location(name, file, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    folder = str(file.parent)
    sys.path.insert(0, folder)
    try:
        loader.exec_module(module)
    except DefinitionError as error:
        if error.file:
            raise
        raise _located(error, error.message, error.hint, file) from error
    except (Exception, SystemExit) as error:
        raise _explained(error, file, module) from error
    finally:
        if folder in sys.path:
            sys.path.remove(folder)
    return module


def _explained(error: BaseException, file: Path, module: ModuleType) -> DefinitionError:
    """What Python says about a file that does not run, in one sentence with a next step."""
    if isinstance(error, SyntaxError) and error.filename:
        message, line = f"{error.msg}", error.lineno or 1
        text = (error.text or "").strip()
        return DefinitionError(message, hint=text, file=error.filename, line=line)
    if isinstance(error, UnicodeDecodeError):
        return DefinitionError(
            "This file is not UTF-8 text", hint="Save it as UTF-8.", file=str(file), line=1
        )
    if isinstance(error, SystemExit):
        message = "This file ends the program while it is being read"
        hint = 'Put what it runs under: if __name__ == "__main__":'
        return _located(error, message, hint, file)
    return _located(error, f"{type(error).__name__}: {error}", _hint(error, module), file)


def _hint(error: BaseException, module: ModuleType) -> str:
    known: Iterable[str] = ()
    name = getattr(error, "name", None)
    if isinstance(error, NameError):
        known = {*vars(module), *afresh.__all__, *dir(builtins)}
        if name in afresh.__all__:
            return f"Add: from afresh import {name}"
    elif isinstance(error, ImportError) and name == "afresh":
        name, known = getattr(error, "name_from", None) or _imported_name(error), afresh.__all__
    elif isinstance(error, AttributeError):
        known = [n for n in dir(error.obj) if not n.startswith("_")]
    elif isinstance(error, ModuleNotFoundError):
        return f"Install it beside afresh: pip install {name}"
    hint = suggest(name, known) if isinstance(name, str) else ""
    return hint if hint.startswith("Did you mean") else ""


def _imported_name(error: ImportError) -> str | None:
    """The name that could not be imported, for Pythons that do not keep it."""
    parts = str(error).split("'")
    return parts[1] if len(parts) > 1 else None


def _located(error: BaseException, message: str, hint: str, file: Path) -> DefinitionError:
    """The error at the last line of the user's own files that was being executed."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if Path(f.filename).parent.is_relative_to(file.parent)]
    installed = ("site-packages", "dist-packages")
    own = [f for f in own if not any(part in Path(f.filename).parts for part in installed)]
    at = own[-1] if own else None
    return DefinitionError(
        message, hint=hint, file=at.filename if at else str(file), line=(at and at.lineno) or 1
    )

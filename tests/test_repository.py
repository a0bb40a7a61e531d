"""The rules of the house that no other tool checks."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = ("src", "tests", "benchmarks", "examples", "scripts")
LONGEST = 300
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "stuff"}
EXECUTES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def python_files(*folders: str) -> list[Path]:
    return sorted(p for folder in folders or CODE for p in (ROOT / folder).rglob("*.py"))


def relative(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def test_there_is_code_to_check() -> None:
    assert len(python_files("src")) > 5
    assert LOCKS


def test_no_module_is_longer_than_a_sitting() -> None:
    long = {
        str(path.relative_to(ROOT)): length
        for path in python_files()
        if (length := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST
    }
    assert not long, f"over {LONGEST} lines, asking to be two: {long}"


def test_no_module_has_a_vague_name() -> None:
    vague = [p for p in python_files() if VAGUE & {p.stem, *p.relative_to(ROOT).parts}]
    assert not vague, f"say what it is for: {relative(vague)}"


def executed_names(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Imports and calls that run data as code, or a shell."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in EXECUTES:
                    yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            if (node.module or "").split(".")[0] in EXECUTES:
                yield node.lineno, str(node.module)
        elif isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            if name in ("eval", "exec"):
                yield node.lineno, name
            for keyword in node.keywords:
                value = getattr(keyword.value, "value", None)
                if (keyword.arg, value) in (("shell", True), ("allow_pickle", True)):
                    yield node.lineno, f"{keyword.arg}=True"


def test_no_code_in_data() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for path in python_files()
        for line, what in executed_names(tree(path))
    ]
    assert not found, found


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "eval('1')",
        "exec(text)",
        "run('ls', shell=True)",
        "np.load(path, allow_pickle=True)",
    ],
)
def test_the_search_for_code_in_data_finds_it(line: str) -> None:
    assert list(executed_names(ast.parse(line)))


def test_nothing_is_left_to_do() -> None:
    mark = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    found = [p for p in python_files() if mark.search(p.read_text(encoding="utf-8"))]
    assert not found, relative(found)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_pins_by_hash_and_names_no_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|--[a-z-]*(index|find-links|trusted)[a-z-]*)\b", text, re.M)
    logical = text.replace("\\\n", " ").splitlines()
    packages = [line for line in logical if line and not line.lstrip().startswith("#")]
    assert packages
    bad = [line for line in packages if "==" not in line or "--hash=sha256:" not in line]
    assert not bad, bad


def test_the_locks_agree_and_hold_what_is_declared() -> None:
    pins = {
        lock.stem: set(re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text(), re.M))
        for lock in LOCKS
    }
    assert pins["demo"] <= pins["dev"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["demo"],
        *(entry for group in project["dependency-groups"].values() for entry in group),
    ]
    wanted = {re.split(r"[^A-Za-z0-9._-]", entry)[0].lower() for entry in declared}
    assert wanted <= {name for name, _ in pins["dev"]}, "run: make lock"


def test_every_top_module_has_a_place_in_the_layers() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (layers,) = [c for c in contracts["contracts"] if c["type"] == "layers"]
    placed = set(re.findall(r"\w+", " ".join(layers["layers"])))
    package = ROOT / "src" / "afresh"
    there = {p.stem for p in package.glob("*.py")} | {p.parent.name for p in package.glob("*/*.py")}
    assert there - {"__init__"} <= placed


def test_every_package_is_marked() -> None:
    """A folder without __init__.py is invisible to the layer check."""
    folders = {path.parent for path in python_files("src")} - {ROOT / "src"}
    bare = sorted(folder for folder in folders if not (folder / "__init__.py").exists())
    assert not bare, relative(bare)


def test_the_make_targets_are_described() -> None:
    shown = subprocess.run(
        ["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for target in ("demo", "test", "check", "docs", "bench", "lock", "help"):
        assert re.search(rf"^  make {target} +\S", shown, re.M), target


@pytest.mark.parametrize("script", ["setup", "lock", "install-chromium"])
def test_a_shell_script_is_plain_and_executable(script: str) -> None:
    path = ROOT / "scripts" / script
    assert path.stat().st_mode & 0o111
    subprocess.run(["sh", "-n", path], check=True)

"""The runner of benchmarks, on a folder of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).parents[2] / "benchmarks"
GOOD = "import json, sys\nprint(json.dumps({'args': sys.argv[1:]}))\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "benchmarks"
    target.mkdir()
    for name in ("__init__.py", "__main__.py"):
        shutil.copy(RUNNER / name, target / name)
    (target / "_shared.py").write_text("raise SystemExit(3)\n")
    return target


def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *args]
    return subprocess.run(command, cwd=folder.parent, capture_output=True, text=True, timeout=60)


def test_every_benchmark_runs_and_its_figures_are_passed_on(folder: Path) -> None:
    (folder / "b.py").write_text(GOOD)
    (folder / "a.py").write_text(GOOD + GOOD)
    done = run(folder, "--smoke")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["benchmark"] for row in rows] == ["a", "a", "b"]
    assert all(row["args"] == ["--smoke"] and row["smoke"] is True for row in rows)


def test_those_named_run(folder: Path) -> None:
    (folder / "a.py").write_text(GOOD)
    (folder / "b.py").write_text("raise SystemExit(1)\n")
    done = run(folder, "a")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["args"] == []


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise SystemExit(7)\n", "exit status 7"),
        ("print('fast!')\n", "not a JSON object"),
        ("print('[1]')\n", "not a JSON object"),
        ("", "no figures"),
    ],
)
def test_a_benchmark_that_fails_fails_the_run_and_others_still_run(
    folder: Path, source: str, reason: str
) -> None:
    (folder / "a.py").write_text(source)
    (folder / "b.py").write_text(GOOD)
    done = run(folder)
    assert done.returncode == 1
    assert "benchmark a:" in done.stderr
    assert reason in done.stderr
    assert '"benchmark":"b"' in done.stdout


def test_an_unknown_name_or_an_empty_folder_is_an_error(folder: Path) -> None:
    assert "there is no benchmark" in run(folder).stderr
    (folder / "a.py").write_text(GOOD)
    done = run(folder, "c")
    assert done.returncode == 2
    assert "there are: a" in done.stderr

"""One trained model for many tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.train.shops import filled, history, opened, shop

from afresh.runtime import Runtime
from afresh.train.report import Report
from afresh.train.run import Wanted, trained


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a log."""
    folder = tmp_path_factory.mktemp("past")
    filled(shop(), folder, history(1000))
    return folder


@pytest.fixture(scope="session")
def learned(past: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """A copy of it with a model called `first`."""
    folder = tmp_path_factory.mktemp("learned") / "data"
    shutil.copytree(past, folder)
    return folder, trained(shop(), folder, Wanted(name="first", rows=40_000))


@pytest.fixture
def folder(learned: tuple[Path, Report], tmp_path: Path) -> Path:
    """A copy of that, to be changed."""
    return Path(shutil.copytree(learned[0], tmp_path / "data"))


@pytest.fixture
def runtime(folder: Path) -> Iterator[Runtime]:
    """A runtime over it; nothing is promoted yet."""
    made = opened(shop(), folder)
    yield made
    made.close()

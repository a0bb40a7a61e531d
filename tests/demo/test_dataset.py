from __future__ import annotations

import importlib.machinery
import importlib.util
import shutil
from pathlib import Path

import pytest

from afresh.demo.dataset import PACKAGE, TERMS, Tables, read_tables
from afresh.errors import CorruptData, MissingDependency


def test_a_missing_package_says_which_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"afresh\[demo\]"):
        read_tables()


@pytest.fixture
def installed(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package's folder, of which a test may break its own copy."""
    shutil.copytree(package, tmp_path, dirs_exist_ok=True)
    found = importlib.machinery.PathFinder.find_spec(PACKAGE, [str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found)
    return tmp_path / PACKAGE


def test_tables_are_read_where_the_package_keeps_them(installed: Path, tables: Tables) -> None:
    read = read_tables()
    assert read.transactions.equals(tables.transactions)
    assert read.products.equals(tables.products)


def test_a_broken_package_says_so(installed: Path) -> None:
    (installed / "data" / "products.parquet").write_bytes(b"PAR1")
    with pytest.raises(CorruptData, match="cannot be read"):
        read_tables()


def test_terms_name_the_provider() -> None:
    assert "84.51°" in TERMS
    assert "research and educational purposes" in TERMS

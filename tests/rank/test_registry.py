"""The registry: models are there whole or not at all, and which of them ranks is never in doubt."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from afresh.errors import BadRequest, CorruptData, NotFound
from afresh.rank import registry as module
from afresh.rank.manifest import Manifest, Range
from afresh.rank.registry import MANIFEST, MODEL, Registry


def manifest(name: str, created: int = 1) -> Manifest:
    data = Range(log="0" * 16, first=0, end=10, min_ts=5, max_ts=6)
    return Manifest(
        model=name, app="shop", surface="home", columns=[], plan="p", data=data, seed=0,
        created=created, versions={}, metrics={"hr": 0.5},
    )  # fmt: skip


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    made = Registry(tmp_path / "models")
    for at, name in enumerate(("a", "b", "c")):
        made.add(manifest(name, at), {MODEL: name.encode(), "report.json": b"{}"})
    return made


def test_a_model_is_read_as_it_was_written(registry: Registry) -> None:
    assert registry.names() == ["a", "b", "c"]
    said, files = registry.read("b")
    assert files == {MODEL: b"b", "report.json": b"{}"}
    assert (said.model, said.surface, sorted(said.files)) == ("b", "home", [MODEL, "report.json"])


def test_a_registry_without_a_folder_is_empty(tmp_path: Path) -> None:
    empty = Registry(tmp_path / "none")
    assert (empty.names(), empty.turns(), empty.promoted("home")) == ([], {}, "")
    assert empty.prune(0) == []
    with pytest.raises(NotFound, match="'x'"):
        empty.read("x")
    assert not (tmp_path / "none").exists()


def test_a_changed_byte_is_found_and_named(registry: Registry) -> None:
    (registry.folder / "b" / MODEL).write_bytes(b"B")
    with pytest.raises(CorruptData, match=r"model\.txt"):
        registry.read("b")
    (registry.folder / "c" / MODEL).unlink()
    with pytest.raises(CorruptData, match=r"model\.txt"):
        registry.read("c")
    (registry.folder / "a" / MANIFEST).write_bytes(b"{")
    with pytest.raises(CorruptData, match="manifest"):
        registry.read("a")


@pytest.mark.parametrize(
    "name", ["a", "", ".b", "-b", "a/b", "..", "x" * 65, "a b", "blend", "softmax"]
)
def test_a_name_that_cannot_be_one_or_is_taken_is_refused(registry: Registry, name: str) -> None:
    before = sorted(p.name for p in registry.folder.iterdir())
    with pytest.raises(BadRequest):
        registry.add(manifest(name), {MODEL: b"other"})
    assert sorted(p.name for p in registry.folder.iterdir()) == before
    assert registry.read("a")[1][MODEL] == b"a"


def test_promotions_go_forward_and_back(registry: Registry) -> None:
    with pytest.raises(NotFound):
        registry.rollback("home", 1)
    for moment, name in enumerate(("a", "b", "c"), 10):
        registry.promote("home", name, moment)
    registry.promote("home", "c", 13)  # again: nothing happens
    assert registry.promoted("home") == "c"
    assert [registry.promoted("home", at) for at in (9, 10, 11, 12, 99)] == ["", "a", "b", "c", "c"]
    assert registry.promoted("other") == ""
    assert registry.rollback("home", 20) == "b"
    assert registry.rollback("home", 21) == "a"
    registry.promote("home", "c", 22)
    assert registry.rollback("home", 23) == "a"
    assert registry.rollback("home", 24) == ""
    assert registry.promoted("home") == ""
    with pytest.raises(NotFound):
        registry.rollback("home", 25)
    with pytest.raises(NotFound, match="no model 'nope'"):
        registry.promote("home", "nope", 26)


def test_pruning_keeps_what_ranks_and_what_ranked_before(registry: Registry) -> None:
    registry.promote("home", "a", 1)
    registry.promote("home", "b", 2)
    assert registry.prune(1) == []
    registry.promote("home", "c", 3)
    assert registry.prune(0) == ["a"]
    assert registry.names() == ["b", "c"]


def test_what_is_half_made_is_no_model_and_goes_after_an_hour(registry: Registry) -> None:
    left = registry.folder / f"{module.MAKING}d-1-1"
    left.mkdir()
    (left / MANIFEST).write_bytes(b"{}")
    assert registry.names() == ["a", "b", "c"]
    registry.prune(5)
    assert left.exists()
    os.utime(left, (0, 0))
    registry.prune(5)
    assert not left.exists()


def _die_at(folder: Path, step: int) -> None:
    """Make and promote a model in a process that ends, without a goodbye, at its n-th write, flush
    or rename."""
    count = 0

    def dying(work):  # type: ignore[no-untyped-def]
        def run(*args):  # type: ignore[no-untyped-def]
            nonlocal count
            count += 1
            if count == step:
                os._exit(9)
            return work(*args)

        return run

    module._write = dying(module._write)
    module.sync_folder = dying(module.sync_folder)
    Path.rename = dying(Path.rename)  # type: ignore[method-assign]
    Path.replace = dying(Path.replace)  # type: ignore[method-assign]
    there = Registry(folder)
    there.add(manifest("new", 9), {MODEL: b"new" * 1000})
    there.promote("home", "new", 9)
    os._exit(0)


def test_a_crash_anywhere_leaves_a_whole_model_or_none_and_the_promotion_before(
    registry: Registry,
) -> None:
    registry.promote("home", "a", 1)
    seen = set()
    for step in range(1, 30):
        process = multiprocessing.get_context("fork").Process(
            target=_die_at, args=(registry.folder, step)
        )
        process.start()
        process.join()
        there = Registry(registry.folder)
        names = there.names()
        assert names in (["a", "b", "c"], ["a", "b", "c", "new"])
        if "new" in names:
            assert there.read("new")[1] == {MODEL: b"new" * 1000}
        assert there.promoted("home") in ("a", "new")
        assert there.promoted("home") in names
        seen.add((len(names), there.promoted("home")))
        if process.exitcode == 0:
            break
        if "new" in names:
            (registry.folder / "promoted.json").unlink()
            there.promote("home", "a", 1)
            for file in (registry.folder / "new").iterdir():
                file.unlink()
            (registry.folder / "new").rmdir()
    assert process.exitcode == 0
    assert seen == {(3, "a"), (4, "a"), (4, "new")}

"""Fitted vectors: who is near whom, what nobody has touched, what is kept on the shelf."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from afresh.errors import AfreshError, CorruptData, NotFound
from afresh.vectors import Vectors
from afresh.vectors.fitted import FittedVectors, read_fitted
from afresh.vectors.fitting import Visits, fit
from afresh.vectors.hashing import HashedText
from afresh.vectors.shelf import KEPT, Shelf

GROUPS, EACH = 8, 10
NAMES = [f"i{n}" for n in range(GROUPS * EACH)]
IDS = "\0".join(NAMES).encode()
WORDS = ["shoes", "soup", "lamps", "books", "chairs", "trains", "kettles", "violins"]


def walks(visits: int = 600, seed: int = 0, *, without: set[int] = frozenset()) -> Visits:  # type: ignore[assignment]
    """Visits that stay in a group of ten items; some items are never touched."""
    rng = np.random.default_rng(seed)
    visit, item = [], []
    for v in range(visits):
        group = int(rng.integers(GROUPS))
        touched = group * EACH + rng.permutation(EACH)[:5]
        kept = [n for n in touched.tolist() if n not in without]
        visit += [v] * len(kept)
        item += kept
    return Visits(np.array(visit), np.array(item))


def texts() -> Vectors:
    return HashedText(64).encode([f"{WORDS[n // EACH]} model {n}" for n in range(len(NAMES))])


def of(fitted: FittedVectors) -> dict[str, np.ndarray]:
    return dict(zip(fitted.ids.decode().split("\0"), fitted.rows, strict=True))


def same_group(fitted: FittedVectors, number: int) -> float:
    """The share of the five nearest that are of an item's own group."""
    held = of(fitted)
    asked = held[NAMES[number]]
    others = sorted((n for n in held if n != NAMES[number]), key=lambda n: -float(held[n] @ asked))
    return float(np.mean([int(n[1:]) // EACH == number // EACH for n in others[:5]]))


def test_items_of_the_same_visits_are_near() -> None:
    fitted = fit(walks(), IDS)
    assert len(fitted) == len(NAMES)
    assert np.mean([same_group(fitted, n) for n in range(len(NAMES))]) > 0.95


def test_the_same_visits_and_seed_give_the_same_vectors() -> None:
    one, other = fit(walks(), IDS, seed=3), fit(walks(), IDS, seed=3)
    assert (one.rows == other.rows).all()


def test_what_nobody_touched_stands_where_its_text_leads() -> None:
    untouched = {5, 17, 71}
    fitted = fit(walks(without=untouched), IDS, texts(), encoder="hashed")
    assert len(fitted) == len(NAMES)
    assert all(same_group(fitted, number) == 1.0 for number in untouched)
    without = fit(walks(without=untouched), IDS)
    assert {NAMES[n] for n in untouched}.isdisjoint(of(without))


def test_the_bridge_places_a_text_that_came_later() -> None:
    fitted = fit(walks(), IDS, texts(), encoder="hashed")
    placed = fitted.bridged(HashedText(64).encode(["violins model 4000", ""]))
    held = of(fitted)
    nearest = max(held, key=lambda name: float(held[name] @ placed[0]))
    assert int(nearest[1:]) // EACH == WORDS.index("violins")


def test_too_little_is_refused_with_what_to_do() -> None:
    with pytest.raises(AfreshError, match="stood near others") as caught:
        fit(Visits(np.array([0, 0, 1]), np.array([0, 1, 2])), IDS)
    assert caught.value.hint


def test_the_shelf_gives_back_what_was_put_there(tmp_path: Path) -> None:
    shelf, fitted = Shelf(tmp_path / "vectors"), fit(walks(), IDS, texts(), encoder="hashed")
    assert (shelf.names(), shelf.newest()) == ([], "")
    name = shelf.add(fitted, 1_000)
    again = shelf.read(name)
    assert (again.name, again.ids, again.encoder) == (name, fitted.ids, "hashed")
    assert (again.rows == fitted.rows).all()
    assert (again.bridge == fitted.bridge).all()


def test_the_newest_is_in_force_and_old_ones_go(tmp_path: Path) -> None:
    shelf, fitted = Shelf(tmp_path), fit(walks(100), IDS)
    names = [shelf.add(fitted, 1_000 * n) for n in range(KEPT + 2)]
    assert shelf.names() == names[2:]
    assert shelf.newest() == names[-1]
    assert shelf.newest(at=5_500) == names[5]
    with pytest.raises(NotFound):
        shelf.read(names[0])


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    name = shelf.add(fit(walks(100), IDS), 7)
    path = tmp_path / f"{name}.npz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptData, match="checksum"):
        shelf.read(name)
    with pytest.raises(CorruptData):
        read_fitted("a", bytes(data[:50]))


@pytest.mark.parametrize("wrong", ["rows", "length", "names", "bridge"])
def test_vectors_that_cannot_be_are_refused(wrong: str) -> None:
    fitted = fit(walks(100), IDS)
    if wrong == "rows":
        fitted.rows[3] = np.nan
    elif wrong == "length":
        fitted.rows = fitted.rows * 2
    elif wrong == "names":
        fitted.ids = fitted.ids.replace(b"i7\0", b"i8\0")
    else:
        fitted.bridge = np.zeros((65, 3), np.float32)
    with pytest.raises(CorruptData):
        read_fitted("a", fitted.to_bytes())

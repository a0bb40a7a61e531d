"""Fitted vectors: what was learned from people's visits, as it is kept and as it is used."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afresh.errors import CorruptData
from afresh.features.interning import Interner
from afresh.vectors import Vectors

TINY = 1e-9


@dataclass(slots=True)
class FittedVectors:
    """Vectors of items by their ids.

    name: of the fit, "" for one that was not kept. rows: float32[n, dims], of length one, in the
    order of `ids`, a text column. bridge: float32[text dims + 1, dims], which takes the vector of a
    text, and a one, to where such an item would be; of no rows where it was not learned. encoder:
    the name of what the texts' vectors were made by.
    """

    name: str
    ids: bytes
    rows: Vectors
    bridge: Vectors
    encoder: str

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def dims(self) -> int:
        return int(self.rows.shape[1])

    def numbered(self) -> Interner:
        """The row of each id."""
        made = Interner()
        made.intern(self.ids, len(self))
        return made

    def bridged(self, texts: Vectors) -> Vectors:
        """Where items of these texts, float32[n, text dims], would be: float32[n, dims], of length
        one, zero where the bridge leads nowhere."""
        if len(self.bridge) != texts.shape[1] + 1:
            return np.zeros((len(texts), self.dims), np.float32)
        return unit(texts @ self.bridge[:-1] + self.bridge[-1])

    def to_bytes(self) -> bytes:
        """As numpy's archive of arrays."""
        out = io.BytesIO()
        ids, encoder = (np.frombuffer(said, np.uint8) for said in (self.ids, self.encoder.encode()))
        np.savez(out, ids=ids, rows=self.rows, bridge=self.bridge, encoder=encoder)
        return out.getvalue()


def read_fitted(name: str, data: bytes) -> FittedVectors:
    """Raises CorruptData for what `to_bytes` did not write."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as held:
            ids, rows = held["ids"].tobytes(), held["rows"]
            bridge, encoder = held["bridge"], held["encoder"].tobytes().decode()
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise CorruptData(f"The vectors {name!r} cannot be read: {error}") from error
    fitted = FittedVectors(name, ids, rows, bridge, encoder)
    _check(fitted)
    return fitted


def _check(fitted: FittedVectors) -> None:
    rows, bridge = fitted.rows, fitted.bridge
    shaped = rows.ndim == bridge.ndim == 2 and rows.dtype == bridge.dtype == np.float32
    if not shaped or not len(rows) or bridge.shape[1] != rows.shape[1]:
        raise CorruptData(f"The vectors {fitted.name!r} have no shape that can be: {rows.shape}.")
    if fitted.ids.count(b"\0") != len(rows) - 1 or len(fitted.numbered()) != len(rows):
        raise CorruptData(f"The vectors {fitted.name!r} are not of as many items as they name.")
    lengths = np.linalg.norm(rows, axis=1)
    if not (np.isfinite(bridge).all() and np.allclose(lengths, 1, atol=1e-3)):
        raise CorruptData(f"The vectors {fitted.name!r} hold what has no direction.")


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """The same directions, float32[n, dims] of length one; zero where there is none."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    out = np.zeros(vectors.shape, np.float32)
    np.divide(vectors, lengths, out=out, where=lengths > TINY, casting="same_kind")
    return out

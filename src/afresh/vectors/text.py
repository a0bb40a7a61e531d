"""Vectors from text, so that an item nobody has touched has neighbours from its first second.

With the extra `text`: wordllama, static embeddings whose weights come inside its wheel. A
text is the mean of its tokens' vectors, cut to the first 64 of 256 dimensions, which were
trained to stand alone (Kusupati et al.: Matryoshka representation learning, NeurIPS 2022).
Without it: `hashing.py`. Nothing is downloaded at run time.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from afresh.errors import CorruptData, MissingDependency
from afresh.features.plan import PlanField
from afresh.vectors import Vectors
from afresh.vectors.hashing import HashedText

DIMS = 64
LONGEST = 2000
"""Characters of a text that are read."""
FIRST = ("title", "name")
_LINKS = ("http://", "https://")


class TextEncoder(Protocol):
    """Texts to vectors. One text gives one vector, whatever stands beside it in a call."""

    name: str
    dims: int

    def encode(self, texts: Sequence[str]) -> Vectors:
        """float32[n, dims], each of length one, or all zero where a text says nothing."""
        ...


class StaticText:
    """wordllama. Raises MissingDependency without the extra `text`, CorruptData when its
    package lacks the weights. Loading takes half a second."""

    name = "wordllama"

    def __init__(self, dims: int = DIMS) -> None:
        self.dims = dims
        self._model = _load()

    def encode(self, texts: Sequence[str]) -> Vectors:
        out = np.zeros((len(texts), self.dims), np.float32)
        # Sorted by length: a chunk is padded to its longest text.
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        spoken = [at for at in order if texts[at].strip()]
        if spoken:
            found = self._model.embed([texts[at][:LONGEST] for at in spoken], batch_size=256)
            out[spoken] = found[:, : self.dims]
        lengths = np.linalg.norm(out, axis=1, keepdims=True)
        np.divide(out, lengths, out=out, where=lengths > 0)
        return out


def text_encoder() -> TextEncoder:
    """The best encoder that is installed; its `name` says which."""
    try:
        return StaticText()
    except MissingDependency:
        return HashedText(DIMS)


def text_fields(fields: Sequence[PlanField]) -> tuple[PlanField, ...]:
    """The fields that are an item's text: title or name first, the others as declared."""
    texts = [field for field in fields if field.kind in ("str", "list[str]")]
    return tuple(sorted(texts, key=lambda field: field.name not in FIRST))


def text_of(record: dict[str, Any], fields: Sequence[PlanField]) -> str:
    """What a record says in words; links are left out."""
    words: list[str] = []
    for field in fields:
        value = record.get(field.name)
        if value is None:
            value = field.default
        words += value if isinstance(value, list) else [value] if isinstance(value, str) else []
    return ". ".join(word for word in words if word and not word.startswith(_LINKS))[:LONGEST]


def _load() -> Any:
    spec = importlib.util.find_spec("wordllama")
    if spec is None or spec.origin is None:
        raise MissingDependency(
            "Text embeddings need wordllama, which is not installed.",
            hint="Install it with the extra `text`: pip install 'afresh[text]'.",
        )
    from wordllama import WordLlama

    folder = Path(spec.origin).parent
    try:
        return WordLlama.load(cache_dir=folder, dim=256, disable_download=True)
    except (FileNotFoundError, ValueError) as error:
        raise CorruptData(
            f"The weights of wordllama in {folder} cannot be read: {error}",
            hint="Install the package again: pip install --force-reinstall wordllama.",
        ) from error

"""Texts as vectors: what they promise with and without the model."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Callable
from typing import NoReturn

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afresh.errors import MissingDependency
from afresh.features.plan import PlanField
from afresh.vectors.hashing import HashedText
from afresh.vectors.text import StaticText, TextEncoder, text_encoder, text_fields, text_of

MADE: dict[str, Callable[[], TextEncoder]] = {
    "hashed": lambda: HashedText(64),
    "wordllama": StaticText,
}


@pytest.fixture(scope="module", params=MADE)
def encoder(request: pytest.FixtureRequest) -> TextEncoder:
    if request.param == "wordllama":
        pytest.importorskip("wordllama", reason="the extra `text` is not installed")
    return MADE[request.param]()


def test_its_name_says_which_it_is(encoder: TextEncoder) -> None:
    assert encoder.name in MADE
    assert encoder.dims == 64


@settings(max_examples=50)
@given(st.lists(st.text(max_size=40), max_size=6))
def test_a_text_gives_one_vector_whatever_stands_beside_it(
    encoder: TextEncoder, texts: list[str]
) -> None:
    together = encoder.encode(texts)
    assert together.shape == (len(texts), 64)
    assert together.dtype == np.float32
    for text, row in zip(texts, together, strict=True):
        assert encoder.encode([text])[0].tolist() == row.tolist()
        assert np.linalg.norm(row) == pytest.approx(1.0, abs=1e-5) or not row.any()


def test_what_is_alike_is_near(encoder: TextEncoder) -> None:
    texts = ["Red running shoes", "red running shoe", "Canned tomato soup"]
    shoes, shoe, soup = encoder.encode(texts)
    assert shoes @ shoe > 0.6
    assert shoes @ shoe > shoes @ soup + 0.3


def test_nothing_said_is_all_zero(encoder: TextEncoder) -> None:
    assert not encoder.encode(["", "  "]).any()


def test_the_model_knows_meaning() -> None:
    pytest.importorskip("wordllama", reason="the extra `text` is not installed")
    dog, puppy, invoice = StaticText().encode(["dog", "puppy", "invoice"])
    assert dog @ puppy > dog @ invoice + 0.2


def test_the_model_asks_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wordllama", reason="the extra `text` is not installed")

    def refuse(*_: object) -> NoReturn:
        pytest.fail("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert StaticText().encode(["soup"]).any()


def test_without_the_extra_texts_are_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "wordllama" else found(name)
    )
    with pytest.raises(MissingDependency, match="wordllama") as missing:
        StaticText()
    assert "afresh[text]" in missing.value.hint
    assert text_encoder().name == "hashed"


FIELDS = [
    PlanField(name="brand", kind="str", default="Acme"),
    PlanField(name="price", kind="int"),
    PlanField(name="image", kind="str"),
    PlanField(name="tags", kind="list[str]"),
    PlanField(name="title", kind="str"),
]


def test_the_text_of_an_item_begins_with_its_title() -> None:
    fields = text_fields(FIELDS)
    assert [field.name for field in fields] == ["title", "brand", "image", "tags"]
    record = {"item_id": "i", "title": "Shoe", "image": "https://x/y.png", "tags": ["a", "b"]}
    assert text_of(record, fields) == "Shoe. Acme. a. b"
    assert text_of({"item_id": "i", "brand": ""}, fields) == ""

"""The catalogue's door: each record judged alone, kept as it was put."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.everything import app

from afresh.catalog_state import CatalogState
from afresh.errors import BadRequest
from afresh.events.verdict import CODES
from afresh.features.interning import Interner
from afresh.items import ItemDecoder, deletion

PLAN = app.plan()
DECODER = ItemDecoder(PLAN.catalog)

REFUSED: list[tuple[object, str]] = [
    (b"{", "malformed_json $"),
    (7, "not_an_object $"),
    ({"category": "red"}, "missing_field $.item_id"),
    ({"item_id": ""}, "bad_id $.item_id"),
    ({"item_id": "a\0b"}, "bad_id $.item_id"),
    ({"item_id": "é" * 129}, "bad_id $.item_id"),
    ({"item_id": "i", "colour": 1}, "unknown_field $.colour"),
    ({"item_id": "i", "deleted": True}, "unknown_field $.deleted"),
    ({"item_id": "i", "category": 7}, "bad_type $.category"),
    ({"item_id": "i", "category": "a\0b"}, "bad_type $.category"),
    ({"item_id": "i", "category": "x" * 70_000}, "bad_type $.category"),
    ({"item_id": "i", "in_stock": 1}, "bad_type $.in_stock"),
    ({"item_id": "i", "grade": 1.5}, "bad_type $.grade"),
    ({"item_id": "i", "grade": 2**31}, "bad_number $.grade"),
    ({"item_id": "i", "price": "1.005"}, "bad_number $.price"),
    ({"item_id": "i", "price": "21474836.48"}, "bad_number $.price"),
]


@pytest.mark.parametrize(("bad", "verdict"), REFUSED, ids=range(len(REFUSED)))
def test_a_bad_record_is_refused_alone(bad: object, verdict: str) -> None:
    text = bad if isinstance(bad, bytes) else json.dumps(bad).encode()
    decoded = DECODER.lines(b'{"item_id":"a"}\n' + text + b'\n{"item_id":"b"}')
    assert [item_id for item_id, _ in decoded.records] == ["a", "b"]
    assert decoded.index == [0, 2]
    assert [f"{r.code} {r.path}" for r in decoded.rejected] == [verdict]
    assert [r.index for r in decoded.rejected] == [1]


@settings(max_examples=200)
@given(st.binary(max_size=60))
def test_any_bytes_are_an_answer(body: bytes) -> None:
    with contextlib.suppress(BadRequest):  # an array that cannot be read
        assert {r.code for r in DECODER.lines(body).rejected} <= set(CODES)


@pytest.mark.parametrize("item_id", ["", "\ud800", "a\0b", "x" * 257])
def test_an_id_from_the_path_is_checked(item_id: str) -> None:
    with pytest.raises(BadRequest):
        DECODER.record(item_id, {"category": "red"})


def test_a_patch_changes_fields_and_never_which_item() -> None:
    record = DECODER.record("i", {"category": "red", "grade": 3, "price": "1.50"})
    changed = DECODER.merged(record, {"grade": None, "category": "blue", "item_id": "i"})
    assert json.loads(changed) == {"item_id": "i", "category": "blue", "price": "1.50"}
    for other in ("j", None, 7, ""):
        with pytest.raises(BadRequest) as error:
            DECODER.merged(record, {"item_id": other})
        assert error.value.path == "$.item_id"


def catalog(*records: bytes) -> CatalogState:
    made = CatalogState(PLAN, Interner())
    made.fold(b"\n".join(records))
    return made


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.data()), max_size=12))
def test_the_last_record_of_an_item_counts(changes: list[tuple[str, int, Any]]) -> None:
    kept: dict[str, dict[str, object]] = {}
    lines = []
    for item_id, act, data in changes:
        if act == 0:
            kept.pop(item_id, None)
            lines.append(deletion(item_id))
            continue
        cents = data.draw(st.integers(-(2**31) + 1, 2**31 - 1))
        price = f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"
        values: dict[str, object] = {"price": price, "category": data.draw(st.sampled_from("rb"))}
        values["in_stock"] = data.draw(st.sampled_from([None, True, False]))
        kept[item_id] = {**values, "cents": cents}
        lines.append(DECODER.record(item_id, values))
    made = catalog(*lines)
    assert len(made) == len(kept)
    assert [json.loads(line)["item_id"] for line in made] == sorted(kept)
    for item_id in "abc":
        record, wanted = made.record(item_id), kept.get(item_id)
        assert (record is None) is (wanted is None)
        number = np.array([made.items.find_one(item_id)])
        assert bool(made.is_present(number)[0]) is (wanted is not None)
        if wanted is not None:
            assert record is not None
            assert record["category"] == wanted["category"]
            assert made.take("price", number).tolist() == [wanted["cents"]]
            stock = wanted["in_stock"]
            assert made.take("in_stock", number).tolist() == [stock is None or stock]
    again = catalog(*made)
    assert list(again) == list(made)


def test_a_record_is_kept_as_it_was_put() -> None:
    made = catalog(DECODER.record("i", {"price": "1.50", "category": "é"}))
    line = made.line("i")
    assert line is not None
    assert msgspec.json.decode(line) == {"item_id": "i", "category": "é", "price": "1.50"}

"""Events and items through files: nothing is lost, and a bad row is refused alone, where it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afresh.errors import BadRequest, StorageFull
from afresh.events.batch import NULL, EventBatch, join
from afresh.events.schema import PlanEvent, PlanField
from afresh.log.files import (
    batch_to_frame,
    frame_to_columns,
    frame_to_records,
    read_events,
    read_items,
    records_to_frame,
    write_events,
    write_items,
)

EVENTS = (
    PlanEvent(name="view", fields=(PlanField(name="price_cents", kind="int"),)),
    PlanEvent(
        name="buy",
        fields=(
            PlanField(name="price_cents", kind="int"),
            PlanField(name="discount", kind="decimal", places=3),
            PlanField(name="coupon", kind="str"),
            PlanField(name="gift", kind="bool"),
        ),
    ),
)
PRODUCTS = (
    PlanField(name="title", kind="str", optional=False),
    PlanField(name="price_cents", kind="int"),
    PlanField(name="weight", kind="float"),
    PlanField(name="in_stock", kind="bool"),
    PlanField(name="tags", kind="list[str]"),
)
BINARY = [".parquet"]
TEXT = [".csv", ".ndjson", ".ndjson.gz", ".csv.gz", ".jsonl"]

ids = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=12)
number = st.integers(-(2**31) + 1, 2**31 - 1)


@st.composite
def batches(draw: st.DrawFn) -> EventBatch:
    n = draw(st.integers(0, 12))

    def column(values: st.SearchStrategy[int], types: np.ndarray | None = None) -> np.ndarray:
        drawn = draw(st.lists(st.one_of(st.just(int(NULL)), values), min_size=n, max_size=n))
        out = np.array(drawn, np.int64)
        return out if types is None else np.where(types == 1, out, NULL)

    def texts(values: st.SearchStrategy[str]) -> list[str]:
        return draw(st.lists(values, min_size=n, max_size=n))

    types = np.array(draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)), np.uint8)
    coupons = [c if t else "" for c, t in zip(texts(st.just("") | ids), types, strict=True)]
    return EventBatch(
        n=n,
        types=("view", "buy"),
        type=types,
        ts=np.array(draw(st.lists(st.integers(0, 2**41), min_size=n, max_size=n)), np.int64),
        texts={
            "event_id": join(texts(st.just("") | ids)),
            "user_id": join(texts(ids)),
            "item_id": join(texts(st.just("") | ids)),
            "session_id": join(texts(st.just("") | ids)),
            "coupon": join(coupons),
        },
        numbers={
            "value": column(number),
            "price_cents": column(number),
            "discount": column(number, types),
            "gift": column(st.integers(0, 1), types),
        },
        places={"value": 2, "price_cents": 0, "discount": 3, "gift": 0},
        sent_ts=column(st.integers(0, 2**41)),
    )


def full(batch: EventBatch) -> dict[str, object]:
    """Every cell; a column that is absent is one of nulls."""
    null = [int(NULL)] * batch.n
    return {
        "type": [batch.types[code] for code in batch.type],
        "ts": batch.ts.tolist(),
        "sent": null if batch.sent_ts is None else batch.sent_ts.tolist(),
        **{name: batch.strings(name) for name in (*batch.texts, "coupon")},
        **{
            name: batch.numbers[name].tolist() if name in batch.numbers else null
            for name in ("value", "price_cents", "discount", "gift")
        },
    }


@pytest.mark.parametrize("ending", BINARY + TEXT)
@settings(max_examples=15)
@given(batch=batches(), chunk=st.integers(1, 5))
def test_a_round_trip_keeps_everything(
    tmp_path_factory: pytest.TempPathFactory, ending: str, batch: EventBatch, chunk: int
) -> None:
    path = tmp_path_factory.mktemp("files") / f"events{ending}"
    frame = batch_to_frame(batch, EVENTS)
    assert write_events(path, frame.iter_slices(3)) == batch.n
    reading = read_events(path, chunk=chunk)
    frames = list(reading)
    assert all(f.height <= chunk for f in frames)
    parts = [frame_to_columns(f, EVENTS) for f in frames]
    assert [reject for part in parts for reject in part.rejected] == reading.rejects.first == []
    assert [row for part in parts for row in part.rows] == list(range(1, batch.n + 1))
    got: dict[str, list[object]] = {name: [] for name in full(batch)}
    for part in parts:
        for name, column in full(part.batch).items():
            got[name] += column  # type: ignore[operator]
    assert got == full(batch)
    assert reading.done == reading.total
    assert not list(path.parent.glob("*.part"))


GOOD = {"event_type": "buy", "timestamp": 5, "user_id": "u"}
BAD: list[tuple[str, str, dict[str, object]]] = [
    ("missing_field", "$.event_type", {"event_type": None}),
    ("unknown_event_type", "$.event_type", {"event_type": "by"}),
    ("missing_field", "$.timestamp", {"timestamp": None}),
    ("bad_timestamp", "$.timestamp", {"timestamp": -1}),
    ("bad_timestamp", "$.timestamp", {"timestamp": "yesterday"}),
    ("bad_timestamp", "$.timestamp", {"timestamp": "2026-01-01T00:00:00"}),
    ("bad_timestamp", "$.timestamp", {"timestamp": 10**14}),
    ("missing_field", "$.user_id", {"user_id": None}),
    ("bad_id", "$.user_id", {"user_id": "é" * 129}),
    ("bad_id", "$.item_id", {"item_id": "a\tb"}),
    ("bad_id", "$.item_id", {"item_id": "a\x85b"}),
    ("bad_id", "$.session_id", {"session_id": "a\x7f"}),
    ("bad_id", "$.properties.coupon", {"properties": {"coupon": "a\x00b"}}),
    ("bad_number", "$.value", {"value": 0.001}),
    ("bad_number", "$.value", {"value": 21474836.48}),
    ("bad_number", "$.properties.price_cents", {"properties": {"price_cents": 2**31}}),
    ("bad_number", "$.properties.price_cents", {"properties": {"price_cents": 1.5}}),
    ("bad_type", "$.properties.price_cents", {"properties": {"price_cents": "dear"}}),
    ("unknown_field", "$.properties.colour", {"properties": {"colour": "red"}}),
    ("unknown_field", "$.referrer", {"referrer": "x"}),
    ("unknown_field", "$.properties.coupon", {"event_type": "view", "properties": {"coupon": "x"}}),
]


@pytest.mark.parametrize(("code", "path", "change"), BAD)
def test_a_bad_row_is_refused_alone(
    tmp_path: Path, code: str, path: str, change: dict[str, object]
) -> None:
    bad = {key: value for key, value in (GOOD | change).items() if value is not None}
    file = tmp_path / "events.ndjson"
    file.write_text("".join(json.dumps(event) + "\n" for event in (GOOD, bad, GOOD)))
    reading = read_events(file)
    (columns,) = [frame_to_columns(frame, EVENTS) for frame in reading]
    (reject,) = [*columns.rejected, *reading.rejects.first]
    assert (reject.row, reject.code, reject.path) == (2, code, path)
    assert columns.rows.tolist() == [1, 3]
    assert columns.batch.n == 2
    assert columns.batch.strings("user_id") == ["u", "u"]


def test_lines_that_are_no_object_are_refused_alone(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    good = json.dumps(GOOD).encode()
    file.write_bytes(b"\n".join([good, b"{", b"[1]", b"", b'{"a": "\xff"}', good]))
    reading = read_events(file)
    assert [frame["row"].to_list() for frame in reading] == [[1, 5]]
    assert [(r.row, r.code) for r in reading.rejects.first] == [
        (2, "malformed_json"),
        (3, "malformed_json"),
        (4, "malformed_json"),
    ]


def test_ragged_csv_rows_are_refused_alone(tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    file.write_bytes(
        b"event_type,timestamp,user_id,item_id\nview,1,u1,i\nview,2,u2,i,extra\nview,3\n"
        b'view,4,"u,\n4",i\nview,5,\xff,i\nview,6,u6,\n'
    )
    reading = read_events(file)
    (frame,) = reading
    assert [(r.row, r.code) for r in reading.rejects.first] == [
        (2, "bad_type"),
        (3, "bad_type"),
        (5, "bad_type"),
    ]
    columns = frame_to_columns(frame, EVENTS)
    assert columns.rows.tolist() == [1, 6]
    assert [(r.row, r.code) for r in columns.rejected] == [(4, "bad_id")]


def test_a_parquet_file_of_other_types(tmp_path: Path) -> None:
    file = tmp_path / "events.parquet"
    moment = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    pl.DataFrame(
        {
            "event_type": pl.Series(["buy"], dtype=pl.Categorical),
            "timestamp": [moment],
            "user_id": [7],
            "properties": [{"price_cents": 3.0, "coupon": None, "gift": True}],
            "value": pl.Series(["12.34"]).cast(pl.Decimal(10, 2)),
        }
    ).write_parquet(file)
    (frame,) = read_events(file)
    columns = frame_to_columns(frame, EVENTS)
    assert columns.rejected == []
    batch = columns.batch
    assert (batch.strings("user_id"), batch.strings("event_id")) == (["7"], [""])
    assert batch.ts.tolist() == [int(moment.timestamp() * 1000)]
    assert {name: column.tolist() for name, column in batch.numbers.items()} == {
        "value": [1234],
        "price_cents": [3],
        "gift": [1],
    }


@pytest.mark.parametrize("ending", BINARY + TEXT)
def test_items_keep_everything(tmp_path: Path, ending: str) -> None:
    lines = [
        b'{"item_id":"a","title":"Tea, \\"green\\"","price_cents":1,"weight":0.1,"in_stock":false,'
        b'"tags":["x","y"]}',
        b'{"item_id":"7","title":"8"}',
    ]
    file = tmp_path / f"items{ending}"
    assert write_items(file, [records_to_frame([line], PRODUCTS) for line in lines]) == 2
    got = [frame_to_records(frame, PRODUCTS) for frame in read_items(file, chunk=1)]
    assert [line for records in got for line in records.lines] == lines
    assert [row for records in got for row in records.rows] == [1, 2]
    assert not any(records.rejected for records in got)


@pytest.mark.parametrize(
    ("code", "path", "row"),
    [
        ("missing_field", "$.item_id", {"title": "t"}),
        ("bad_id", "$.item_id", {"item_id": "a\nb", "title": "t"}),
        ("missing_field", "$.title", {"item_id": "a"}),
        ("bad_type", "$.price_cents", {"item_id": "a", "title": "t", "price_cents": "dear"}),
        ("unknown_field", "$.colour", {"item_id": "a", "title": "t", "colour": "red"}),
    ],
)
def test_a_bad_item_is_refused_alone(
    tmp_path: Path, code: str, path: str, row: dict[str, object]
) -> None:
    file = tmp_path / "items.ndjson"
    good = {"item_id": "g", "title": "t"}
    file.write_text(json.dumps(good) + "\n" + json.dumps(row) + "\n")
    (frame,) = read_items(file)
    records = frame_to_records(frame, PRODUCTS)
    assert [json.loads(line) for line in records.lines] == [good]
    assert [(r.row, r.code, r.path) for r in records.rejected] == [(2, code, path)]


@pytest.mark.parametrize("name", ["events.xlsx", "absent.csv", "absent.parquet"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadRequest, match=name):
        read_events(tmp_path / name)


@pytest.mark.parametrize("name", ["broken.parquet", "broken.ndjson.gz"])
def test_a_broken_file_is_named(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    write_events(file, [pl.DataFrame({"event_id": [str(i) for i in range(1000)]})])
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(BadRequest, match=name):
        list(read_events(file))


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(StorageFull, match="events"):
        write_events(tmp_path / "absent" / "events.csv", [pl.DataFrame({"event_id": ["a"]})])
    file = tmp_path / "events.csv"
    file.write_text("before")

    def failing() -> object:
        yield pl.DataFrame({"event_id": ["a"]})
        raise ValueError("the source failed")

    with pytest.raises(ValueError, match="the source failed"):
        write_events(file, failing())  # type: ignore[arg-type]
    assert file.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["events.csv"]

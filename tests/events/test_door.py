"""The door: each code, each event judged alone, nothing but BadRequest for a whole body."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.everything import app

from afresh.errors import BadRequest
from afresh.events.admission import Admission
from afresh.events.batch import decode_batch
from afresh.events.columnar import MAX_TS, Columnar
from afresh.events.decode import EventDecoder
from afresh.events.verdict import CODES

PLAN = app.plan()
NOW = 1_750_000_000_000
HOUR = 3_600_000
DECODER = EventDecoder(PLAN.events, max_events=50)


class NoCatalog:
    def write_into(self, batch: object) -> None:
        """Nothing is known of any item."""


def door() -> Admission:
    return Admission(NoCatalog())


def verdicts(body: bytes, *, admission: Admission | None = None, lines: bool = False) -> list[str]:
    """Each event's verdict, by its place: accepted, duplicate, or a code and where."""
    decoded = DECODER.decode(body, lines=lines)
    columns = Columnar(PLAN.events).columns(decoded.events)
    admitted = (admission or door()).admit(columns.batch, NOW)
    said = {r.index: f"{r.code} {r.path}" for r in decoded.rejected}
    places = list(decoded.index)
    said |= {places[r.index]: f"{r.code} {r.path}" for r in columns.rejected}
    inner = [places[row] for row in columns.rows.tolist()]
    said |= {inner[r.index]: f"{r.code} {r.path}" for r in admitted.rejected}
    said |= {inner[row]: "duplicate" for row in admitted.duplicates.tolist()}
    for at, row in enumerate(admitted.rows.tolist()):
        assert inner[row] not in said
        said[inner[row]] = "accepted"
        given_id = getattr(decoded.events[columns.rows[row]], "event_id", None)
        assert given_id in (None, admitted.batch.strings("event_id")[at])
    assert sorted(said) == list(range(len(said)))
    return [said[place] for place in sorted(said)]


def event(**changes: Any) -> dict[str, Any]:
    return {"event_type": "buy", "timestamp": NOW, "user_id": "u", "item_id": "i", **changes}


def lines_of(*events: object) -> bytes:
    return b"\n".join(json.dumps(e).encode() if not isinstance(e, bytes) else e for e in events)


REFUSED: list[tuple[object, str]] = [
    (b"{", "malformed_json $"),
    (b"\xff", "malformed_json $"),
    (b'{"event_type":"buy","timestamp":1,"user_id":NaN}', "malformed_json $"),
    (b'{"event_type":"buy","timestamp":1,"user_id":"\\ud800"}', "malformed_json $"),
    (b'{"a":' * 100_000, "malformed_json $"),
    (7, "not_an_object $"),
    ([], "not_an_object $"),
    (event(event_type="bought"), "unknown_event_type $.event_type"),
    (event(event_type=None), "unknown_event_type $.event_type"),
    (event(colour="red"), "unknown_field $.colour"),
    (event(properties={"colour": "red"}), "unknown_field $.properties.colour"),
    ({"event_type": "buy", "user_id": "u"}, "missing_field $.timestamp"),
    ({"timestamp": NOW, "user_id": "u"}, "missing_field $.event_type"),
    (event(user_id=None), "missing_field $.user_id"),
    (event(user_id=7), "bad_type $.user_id"),
    (event(properties={"brand": 7}), "bad_type $.properties.brand"),
    (event(properties=[]), "bad_type $.properties"),
    (event(value="many"), "bad_type $.value"),
    (event(user_id=""), "bad_id $.user_id"),
    (event(event_id="a\0b"), "bad_id $.event_id"),
    (event(session_id="a\x1f"), "bad_id $.session_id"),
    (event(item_id="a\x7f"), "bad_id $.item_id"),
    (event(item_id="a\x85"), "bad_id $.item_id"),
    (event(user_id="x" * 257), "bad_id $.user_id"),
    (event(user_id="\u00e9" * 129), "bad_id $.user_id"),
    (event(properties={"brand": "a\nb"}), "bad_id $.properties.brand"),
    (event(timestamp=-1), "bad_timestamp $.timestamp"),
    (event(timestamp=MAX_TS + 1), "bad_timestamp $.timestamp"),
    (event(timestamp=10**30), "bad_timestamp $.timestamp"),
    (event(timestamp="yesterday"), "bad_timestamp $.timestamp"),
    (event(timestamp="2025-06-15T12:00:00"), "bad_timestamp $.timestamp"),
    (event(timestamp="9999-12-31T23:59:59-14:00"), "bad_timestamp $.timestamp"),
    (event(value=2**31), "bad_number $.value"),
    (event(value="21474836.48"), "bad_number $.value"),
    (event(value="0.001"), "bad_number $.value"),
    (event(value="1.23" + "0" * 33 + "1"), "bad_number $.value"),
    (event(value="NaN"), "bad_number $.value"),
    (event(value="-Infinity"), "bad_number $.value"),
    (event(properties={"level": 2**31}), "bad_number $.properties.level"),
    (event(timestamp=NOW + HOUR + 1), "in_the_future $.timestamp"),
    (event(timestamp=NOW - 24 * HOUR - 1), "too_late $.timestamp"),
]


@pytest.mark.parametrize(("bad", "verdict"), REFUSED, ids=range(len(REFUSED)))
def test_a_bad_event_is_refused_alone_with_code_and_path(bad: object, verdict: str) -> None:
    good = event(event_id="good")
    assert verdicts(lines_of(good, bad, event()), lines=True) == ["accepted", verdict, "accepted"]
    assert verdicts(lines_of(bad), lines=True) == [verdict]


def test_every_code_can_be_met() -> None:
    met = {verdict.split()[0] for _, verdict in REFUSED} | {"conflict"}
    assert met == set(CODES)


GOOD: list[dict[str, Any]] = [
    event(timestamp=NOW + HOUR),
    event(timestamp=NOW - 24 * HOUR),
    event(timestamp="2025-06-15T15:06:40.000999Z"),
    event(user_id=None, session_id="s"),
    event(user_id="\u00e9" * 128),
    event(value="21474836.47"),
    event(value=-21474836),
    event(value=1.25),
    event(properties={"level": 2**31 - 1, "brand": ""}),
    event(properties=None, item_id=None),
]


@pytest.mark.parametrize("good", GOOD)
def test_the_last_that_is_allowed_is_allowed(good: dict[str, Any]) -> None:
    assert verdicts(lines_of(good)) == ["accepted"]


def test_a_first_line_of_another_shape_costs_only_itself() -> None:
    """The body is found to be NDJSON although its first line is no event."""
    body = lines_of({"event_type": "nope"}, event(), event(event_id="b"))
    assert verdicts(body)[1:] == ["accepted", "accepted"]


def test_a_single_event_over_several_lines_is_one_event() -> None:
    assert verdicts(json.dumps(event(), indent=2).encode()) == ["accepted"]
    refused = json.dumps(event(user_id=7), indent=2).encode()
    assert verdicts(refused) == ["bad_type $.user_id"]


def test_an_array_is_judged_event_by_event() -> None:
    body = json.dumps([event(), event(user_id=7), event(timestamp=0), event()]).encode()
    wanted = ["accepted", "bad_type $.user_id", "too_late $.timestamp", "accepted"]
    assert verdicts(body) == wanted


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_request"),
        (b" \n ", "bad_request"),
        (b"[1,", "malformed_json"),
        (b"[" * 100_000, "malformed_json"),
        (b"[]]", "malformed_json"),
        (json.dumps([event()] * 51).encode(), "too_many_events"),
        (lines_of(*[event()] * 51), "too_many_events"),
        (lines_of(*[7] * 51), "too_many_events"),
    ],
)
def test_a_body_that_cannot_be_read_is_a_bad_request(body: bytes, code: str) -> None:
    with pytest.raises(BadRequest) as error:
        DECODER.decode(body)
    assert error.value.code == code


PLAIN = [None, True, -1, 0, 2**31, 2**63, 10**40, 1.5, "NaN", "1e5", "2025-06-15T00:00:00Z", []]
TEXTS = ["", "a\0b", "\x85", "a\0", "\0", "s:v", "x" * 257]
RECORDS = [{}, {"level": "\0"}, {"brand": "\0a\0"}, {"brand": "b"}]
NASTY = st.sampled_from([*PLAIN, *TEXTS, *RECORDS])
KEYS = ["event_id", "event_type", "user_id", "item_id", "session_id", "timestamp", "value", "x"]
KEYS += ["properties"]


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    made = event(session_id=draw(st.sampled_from(["v", None])))
    for key in draw(st.lists(st.sampled_from(KEYS), max_size=2)):
        made[key] = draw(NASTY)
    return made


@settings(max_examples=300)
@given(st.lists(mutated(), min_size=1, max_size=6))
def test_verdicts_of_a_batch_are_those_of_single_posts(events: list[dict[str, Any]]) -> None:
    one_by_one = door()
    wanted = [verdicts(lines_of(e), admission=one_by_one)[0] for e in events]
    assert verdicts(json.dumps(events).encode()) == wanted
    assert verdicts(lines_of(*events), lines=True) == wanted


@settings(max_examples=200)
@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_an_answer(body: bytes, lines: bool) -> None:
    survive(body, lines)


@settings(max_examples=200)
@given(mutated(), st.data())
def test_any_damage_to_a_body_is_an_answer(made: dict[str, Any], data: st.DataObject) -> None:
    body = bytearray(json.dumps([made, event()]).encode())
    for at in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=4)):
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    survive(bytes(body), data.draw(st.booleans()))


def survive(body: bytes, lines: bool) -> None:
    with contextlib.suppress(BadRequest):
        met = {verdict.split()[0] for verdict in verdicts(body, lines=lines)}
        assert met <= {*CODES, "accepted", "duplicate"}


def test_what_is_admitted_reads_back_from_the_log_as_it_was() -> None:
    decoded = DECODER.decode(lines_of(*GOOD))
    batch = door().admit(Columnar(PLAN.events).columns(decoded.events).batch, NOW).batch
    again = decode_batch(batch.encode())
    assert again.texts == batch.texts
    assert again.ts.tolist() == batch.ts.tolist()
    assert {n: c.tolist() for n, c in again.numbers.items()} == {
        n: c.tolist() for n, c in batch.numbers.items()
    }
    assert batch.ts.max() == NOW
    assert again.sent_ts is not None
    assert again.sent_ts[0] == NOW + HOUR
    assert (again.sent_ts[1:] == np.iinfo(np.int64).min).all()

"""Topics of a company's own become events: mapped, taken once, what is none set aside."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from engines.kafka import Kafka
from hypothesis import given
from hypothesis import strategies as st
from tests.everything import app
from tests.mirrored import Mirrored, until
from tests.opened import logged

from afresh import App
from afresh.errors import AfreshError
from afresh.intake.mapping import Mapped, Mapping
from afresh.intake.path import path_of
from afresh.log.kafka.client import admin, kafka
from afresh.opening import open_runtime
from afresh.settings import Intake, Settings, load_settings

NOW = int(time.time() * 1000)


def shop() -> App:
    made = App("track")
    made.event("view", price=int)
    made.event("buy", value=int, sku=str)
    return made


def mapped(said: Intake, *messages: Any) -> Mapped:
    mapping = Mapping(said, shop().plan().accepted)
    return mapping.map((f"t/0/{at}", json.dumps(m).encode()) for at, m in enumerate(messages))


def events(found: Mapped) -> list[dict[str, Any]]:
    return [json.loads(line) for line in found.lines]


def test_a_declared_mapping() -> None:
    said = Intake(
        topic="t",
        fields={
            "event_type": "$.what", "timestamp": "$.at", "user_id": ("$.who.id", "$.who.mail"),
            "item_id": "$.thing['the sku']", "price": "$.cost[0]", "event_id": "$.nowhere",
        },
        types={"seen": "view"},
        seconds=True,
    )  # fmt: skip
    found = mapped(
        said,
        {"what": "seen", "at": 5.25, "who": {"id": 7}, "thing": {"the sku": "a"}, "cost": [3]},
        {"what": "view", "at": 6, "who": {"mail": "m"}},
        {"what": "other", "at": 6, "who": {"mail": "m"}},
        ["no object"],
        {"at": 6},
    )
    assert events(found) == [
        {"event_type": "view", "event_id": "t/0/0", "timestamp": 5250, "user_id": "7",
         "item_id": "a", "properties": {"price": 3}},
        {"event_type": "view", "event_id": "t/0/1", "timestamp": 6000, "user_id": "m"},
    ]  # fmt: skip
    assert found.passed_over == 1
    assert [at for at, _ in found.unread] == [3, 4]


def test_decimal_numbers_are_taken_as_they_are_written() -> None:
    found = mapped(Intake(topic="t"), {"event_type": "view", "value": 0.1, "timestamp": 1})
    assert b'"value":0.1' in found.lines[0]
    raw = Mapping(Intake(topic="t"), shop().plan().accepted).map(
        [("t/0/0", b'{"event_type":"view","value":12345678901234567.10,"timestamp":1}')]
    )
    assert b"12345678901234567.10" in raw.lines[0]


def test_segment() -> None:
    viewed = {
        "type": "track", "event": "Product Viewed", "messageId": "m1", "userId": "u",
        "anonymousId": "a", "timestamp": "2026-01-01T00:00:00Z",
        "properties": {"product_id": "p", "price": 18, "other": 1},
    }  # fmt: skip
    ordered = {
        "type": "track", "event": "Order Completed", "messageId": "m2", "anonymousId": "a",
        "timestamp": "2026-01-01T00:00:01Z",
        "properties": {
            "products": [{"product_id": "p", "sku": "s"}, {"product_id": "q", "price": 2}]
        },
    }  # fmt: skip
    known = {"type": "identify", "messageId": "m3", "userId": "u", "anonymousId": "a",
             "timestamp": "2026-01-01T00:00:02Z"}  # fmt: skip
    page = {"type": "page", "messageId": "m4", "userId": "u"}
    found = mapped(Intake(topic="t", format="segment"), viewed, ordered, known, page)
    view, first, second, identify = events(found)
    assert view["event_type"] == "view"
    assert (view["item_id"], view["value"], view["properties"]) == ("p", 18, {"price": 18})
    assert (first["event_id"], first["item_id"], first["properties"]) == ("m2", "p", {"sku": "s"})
    assert (second["event_id"], second["item_id"], second["value"]) == ("m2/1", "q", 2)
    assert identify["event_type"] == "identify"
    assert found.passed_over == 1


def test_cloudevents() -> None:
    said = Intake(topic="t", format="cloudevents", types={"com.shop.viewed": "view"})
    message = {
        "specversion": "1.0", "id": "e", "type": "com.shop.viewed", "source": "/web",
        "time": "2026-01-01T00:00:00Z", "subject": "p", "data": {"user_id": "u"},
    }  # fmt: skip
    (event,) = events(mapped(said, message))
    assert (event["event_id"], event["item_id"], event["user_id"]) == ("e", "p", "u")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["event", "type", "properties", "products", "userId", "data", "x"]),
            inner,
        )
    ),
)


@given(
    st.lists(_json | st.binary(max_size=20)), st.sampled_from(["json", "segment", "cloudevents"])
)
def test_whatever_comes_is_mapped_or_set_aside(messages: list[Any], form: Any) -> None:
    mapping = Mapping(Intake(topic="t", format=form), shop().plan().accepted)
    values = [m if isinstance(m, bytes) else json.dumps(m).encode() for m in messages]
    found = mapping.map((f"t/0/{at}", value) for at, value in enumerate(values))
    aside = {at for at, _ in found.unread}
    assert len(aside) + len(set(found.at)) + found.passed_over == len(values)


@pytest.mark.parametrize("path", ["", "user", "$.", "$..a", "$[", "$[-1]", "$.a b", "$['a"])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(AfreshError, match="no path"):
        path_of(path)


def test_mistakes_in_the_settings_are_said(tmp_path: Path) -> None:
    accepted = shop().plan().accepted
    with pytest.raises(AfreshError, match="no field 'user'") as refused:
        Mapping(Intake(topic="t", fields={"user": "$.u"}), accepted)
    assert "user_id" in str(refused.value)
    with pytest.raises(AfreshError, match="no event type 'veiw'") as refused:
        Mapping(Intake(topic="t", types={"x": "veiw"}), accepted)
    assert "view" in str(refused.value)
    (tmp_path / "afresh.toml").write_text('[[intake]]\ntopic = "t"\nfeilds = {}\n')
    with pytest.raises(AfreshError, match="intake"):
        load_settings(tmp_path / "app.py")


def _topic(broker: Kafka, messages: list[dict[str, Any] | bytes]) -> str:
    name = f"own.{uuid4().hex[:8]}"
    client = admin().AdminClient({"bootstrap.servers": broker.servers})
    client.create_topics([admin().NewTopic(name, 2, 1)])[name].result(10)
    _send(broker, name, messages)
    return name


def _send(broker: Kafka, name: str, messages: list[dict[str, Any] | bytes]) -> None:
    producer = kafka().Producer({"bootstrap.servers": broker.servers})
    for at, message in enumerate(messages):
        value = message if isinstance(message, bytes) else json.dumps(message).encode()
        producer.produce(name, value, str(at))
    assert producer.flush(10) == 0


def _view(at: int) -> dict[str, Any]:
    return {"event_type": "view", "user_id": f"u{at % 7}", "item_id": f"i{at}", "timestamp": NOW}


def test_a_topic_comes_in_once(mirrored: Mirrored) -> None:
    broker = mirrored.kafka
    topic = _topic(
        broker, [*map(_view, range(50)), b"no json", {"event_type": "buy", "timestamp": 1}]
    )
    said = (Intake(topic=topic),)
    servers = {}
    for name in ("one", "two"):
        settings = mirrored.settings.model_copy(update={"intake": said})
        servers[name] = open_runtime(app, mirrored.folder / name, settings)
        mirrored.running[name] = servers[name]  # type: ignore[assignment]
    until(lambda: all(s.replica.state.events == 50 for s in servers.values()))
    mirrored.leave("one")
    _send(broker, topic, [_view(at) for at in range(50, 60)])
    until(lambda: servers["two"].replica.state.events == 60)
    again = mirrored("one")
    until(lambda: again.replica.state.events == 60)
    ids = [event.id for event in logged(again)]
    assert len(set(ids)) == 60
    assert all(id.startswith(topic) for id in ids)


def test_a_topic_into_a_log_in_a_folder(kafka: Kafka, tmp_path: Path) -> None:
    topic = _topic(kafka, [*map(_view, range(20)), b"no json"])
    settings = Settings(intake=(Intake(topic=topic, servers=kafka.servers),))
    for _ in range(2):
        runtime = open_runtime(app, tmp_path / "data", settings)
        until(lambda runtime=runtime: runtime.replica.state.events == 20)  # type: ignore[misc]
        runtime.close()
    with pytest.raises(AfreshError, match="where are its brokers"):
        open_runtime(app, tmp_path / "other", Settings(intake=(Intake(topic=topic),)))

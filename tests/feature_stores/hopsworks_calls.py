"""What Hopsworks' own client makes of our calls: what it asks the service, and what is in Kafka.

Run by the Python of `python -m engines install feast`, with a certificate's file and its
authority's: the client is the real one, and so are its producer and the broker, which is the one
that librdkafka has for tests. A service of a few hundred lines stands where Hopsworks would.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import hopsworks
import refusals
from confluent_kafka import Consumer, Producer, TopicPartition
from fastavro import parse_schema, schemaless_reader
from hopsworks_service import KEY, TOPIC, Service, serving

from afresh.errors import BadRequest
from afresh.feature_stores import FeatureStore
from afresh.feature_stores.hopsworks import Hopsworks
from afresh.loading import load

ROOT = Path(__file__).parents[2]
PLAN = load(ROOT / "examples" / "shop.py").plan()
EVERYTHING = load(ROOT / "tests" / "everything.py").plan()
NOW = 1_790_000_000_123
refused = partial(refusals.refused, hidden=KEY)
TABLE = "shop_user_now"
ROW: dict[str, Any] = {
    "user_id": "u1",
    "recent": ["i2", "i\u00e9" * 80],
    "categories": {"shoes": 1.5, "": 1},
    "spend": 250,
    "cheapest": None,
    "dearest": 99,
    "price_bands": {},
}
COLUMNS = ["moment_ms", "recent", "categories", "spend", "cheapest", "dearest", "price_bands"]
HELD: list[Any] = [NOW, json.dumps(ROW["recent"]), '{"shoes": 1.5, "": 1}', 250, None, 99, "{}"]


class Broker:
    """A broker in this process, for as long as its producer lives."""

    def __init__(self) -> None:
        self._producer = Producer({"test.mock.num.brokers": 1})
        (broker,) = self._producer.list_topics(TOPIC, timeout=10).brokers.values()
        self.address = f"{broker.host}:{broker.port}"

    def rows(self, service: Service, table: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """(row, headers) of all that came, by key and moment, decoded by the schema of a group."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": "us"})
        topic = consumer.list_topics(TOPIC, timeout=10).topics[TOPIC]
        found = []
        for partition in topic.partitions:
            at = TopicPartition(TOPIC, partition)
            low, high = consumer.get_watermark_offsets(at, timeout=10)
            consumer.assign([TopicPartition(TOPIC, partition, low)])
            found += [consumer.poll(10) for _ in range(high - low)]
        consumer.close()
        schema = parse_schema(json.loads(service.subject(f"{table}_1", None)["schema"]))
        rows = [
            (message.key(), schemaless_reader(BytesIO(message.value()), schema, None), message)
            for message in found
        ]
        rows.sort(key=lambda row: (row[0], row[1]["moment_ms"]))
        return [(row, dict(message.headers())) for _, row, message in rows]


@contextmanager
def opened() -> Iterator[tuple[Service, Broker, Any]]:
    """(service, broker, the client's feature store), nobody having declared anything."""
    certificate, authority = Path(sys.argv[1]), Path(sys.argv[2])
    broker = Broker()
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(broker.address, certificate, authority) as service,
    ):
        project = hopsworks.login(
            host="127.0.0.1",
            port=service.port,
            project="shop",
            api_key_value=KEY,
            trust_store_path=str(authority),
            hostname_verification=True,
            cert_folder=folder,
            engine="python",
        )
        yield service, broker, project.get_feature_store()
        hopsworks.logout()


def made(service: Service, store: Any, **more: Any) -> Hopsworks:
    near = {"host": "127.0.0.1", "port": service.port}
    rest = {"config_rest_client": near, "reset_rest_client": True}
    return Hopsworks(PLAN, store=store, serving=rest, **more)


def groups_and_views_are_made_unless_they_are_there() -> None:
    with opened() as (service, _, store):
        kept: FeatureStore = made(service, store)
        assert kept.declare() == ["shop_item_pulse", "shop_user_now"]
        assert kept.declare() == []
        group, view = service.groups[TABLE], service.views[TABLE]
        assert group["type"] == "streamFeatureGroupDTO"
        assert group["onlineEnabled"] is True
        assert group["eventTime"] == "timestamp"
        assert not group["statisticsConfig"]["enabled"]
        types = {f["name"]: (f["type"], f["onlineType"]) for f in group["features"]}
        assert types == {
            "user_id": ("string", "varchar(256)"),
            "timestamp": ("timestamp", None),
            "moment_ms": ("bigint", None),
            "recent": ("string", "text"),
            "categories": ("string", "text"),
            "spend": ("bigint", None),
            "cheapest": ("bigint", None),
            "dearest": ("bigint", None),
            "price_bands": ("string", "text"),
        }
        assert [f["name"] for f in group["features"] if f["primary"]] == ["user_id"]
        assert [f["name"] for f in view["features"]] == COLUMNS
        pulse = service.groups["shop_item_pulse"]["features"]
        assert {f["name"]: f["type"] for f in pulse}["conversion"] == "double"


def rows_are_in_kafka_when_a_push_returns() -> None:
    with opened() as (service, broker, store):
        kept = made(service, store)
        kept.declare()
        kept.push("user_id", [ROW | {"spend": 1}, ROW, ROW | {"user_id": "u2"}], NOW)
        kept.push("user_id", [ROW | {"spend": None}], NOW + 1)
        kept.push("user_id", [], NOW)
        rows = broker.rows(service, TABLE)
        assert [(row["user_id"], row["spend"]) for row, _ in rows] == [
            ("u1", 250),
            ("u1", None),
            ("u2", 250),
        ]
        row, headers = rows[0]
        assert int(row.pop("timestamp").timestamp() * 1000) == NOW
        said = {"recent": json.dumps(ROW["recent"], ensure_ascii=False)}
        said |= {"categories": '{"shoes": 1.5, "": 1}', "price_bands": "{}"}
        assert row == ROW | {"moment_ms": NOW} | said
        assert headers["upsertIfNewer"] == b"1"
        assert "storage" not in headers  # the offline store's too, when its job runs
        assert service.started == []


def a_job_is_started_for_a_topic_that_nobody_has_made() -> None:
    """By the client, whatever it is told; else only when asked for."""
    with opened() as (service, _, store):
        kept = made(service, store)
        kept.declare()
        service.groups[TABLE]["onlineTopicName"] = "another"
        kept.push("user_id", [ROW], NOW)
        assert service.started == [f"{TABLE}_1_offline_fg_materialization"]
        kept.push("user_id", [ROW], NOW + 1)
        assert len(service.started) == 1
        asking = made(service, store, written={"start_offline_materialization": True})
        asking.push("user_id", [ROW], NOW + 2)
        assert len(service.started) == 2


def what_may_have_a_fraction_is_sent_as_one() -> None:
    with opened() as (service, broker, store):
        kept = made(service, store)
        kept.declare()
        row = {"item_id": "i1", "views_now": 1, "views_hour": 2, "views_week": 3, "conversion": 1}
        kept.push("item_id", [row], NOW)
        ((sent, _),) = broker.rows(service, "shop_item_pulse")
        assert sent["conversion"] == 1.0
        assert isinstance(sent["conversion"], float)
        assert isinstance(sent["views_now"], int)


def what_does_not_get_there_is_said() -> None:
    with opened() as (service, broker, store):
        small = {"kafka_producer_config": {"message.max.bytes": 1000}}
        kept = made(service, store, written=small)
        refused(lambda: kept.push("user_id", [ROW], NOW), "no feature group shop_user_now")
        kept.declare()
        large = ROW | {"recent": ["i" * 2000]}
        refused(lambda: kept.push("user_id", [large], NOW), "MSG_SIZE_TOO_LARGE")
        refused(lambda: kept.push("user_id", [ROW | {"user_id": "u" * 257}], NOW), "256")
        service.down = "online_ingestion"
        refused(lambda: kept.push("user_id", [ROW], NOW), "HTTP code: 500")
        service.down, service.kafka = "", [broker.address, "127.0.0.1:1"]
        soon = {"kafka_producer_config": {"message.timeout.ms": 500}}
        hasty = made(service, store, written=soon)
        refused(lambda: hasty.push("user_id", [ROW], NOW), "Failed to deliver row")
        late = made(service, store, written={"kafka_timeout": 0.2})
        refused(lambda: late.push("user_id", [ROW], NOW), "_TRANSPORT")
        service.down = "featuregroups"
        refused(made(service, store).declare, "HTTP code: 500")


def rows_are_read_back_as_they_were() -> None:
    with opened() as (service, _, store):
        kept = made(service, store)
        refused(lambda: kept.read("user_id", ["u1"]), "no feature view shop_user_now")
        kept.declare()
        service.kept[TABLE] = {"u1": HELD}
        assert kept.read("user_id", ["none", "u1", "none", "u1"]) == [None, ROW, None, ROW]
        names = [f"u{number}" for number in range(101)]
        rows = kept.read("user_id", names)
        assert [row and row["user_id"] for row in rows] == [None, "u1", *[None] * 99]
        asked = [[entry["user_id"] for entry in entries] for entries in service.asked]
        assert asked == [["none", "u1"], names[:100], names[100:]]
        service.down = "batch_feature_store"
        refused(lambda: kept.read("user_id", ["u1"]), "HTTP code: 500")


def names_that_none_may_have_are_refused_at_once() -> None:
    with opened() as (service, _, store):
        refused(lambda: made(service, store).push("session_id", [], NOW), "", BadRequest)
        assert Hopsworks(EVERYTHING, store=store).declare()
        held = service.groups["everything_by_category"]["features"]
        assert [f["name"] for f in held if f["primary"]] == ["item_category"]


if __name__ == "__main__":
    checks = (
        groups_and_views_are_made_unless_they_are_there,
        rows_are_in_kafka_when_a_push_returns,
        a_job_is_started_for_a_topic_that_nobody_has_made,
        what_may_have_a_fraction_is_sent_as_one,
        what_does_not_get_there_is_said,
        rows_are_read_back_as_they_were,
        names_that_none_may_have_are_refused_at_once,
    )
    for check in checks:
        check()
    print()
    json.dump([check.__name__ for check in checks], sys.stdout)

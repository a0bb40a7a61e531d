"""Weaviate: its real client against a script of its documented API, HTTP and gRPC; not run
against it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import numpy as np
import pytest
from tests.scripted import ANY, Scripted, scripted
from weaviate.proto.v1 import (
    aggregate_pb2,
    base_pb2,
    batch_delete_pb2,
    batch_pb2,
    properties_pb2,
    search_get_pb2,
    weaviate_pb2_grpc,
)

from afresh.errors import BadRequest, Unavailable
from afresh.vectors.databases import Access, Field, Shape, VectorDatabase
from afresh.vectors.databases.connect import connect
from afresh.vectors.databases.filters import And, Between, Filter, Not, OneOf
from afresh.vectors.databases.points import uuid_of

SHAPE = Shape(2, (Field("colour", "text"), Field("price", "number"), Field("sold", "flag")))
Op = base_pb2.Filters


class Answering(weaviate_pb2_grpc.WeaviateServicer):
    """Notes what is asked by gRPC, and answers as it was told."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.errors: list[str] = []

    def Search(self, request: Any, context: Any) -> Any:
        self.asked.append(request)
        said = properties_pb2.Properties(fields={"item_id": properties_pb2.Value(text_value="ü")})
        result = search_get_pb2.SearchResult(
            properties=search_get_pb2.PropertiesResult(
                non_ref_props=said, target_collection="Held_1"
            ),
            metadata=search_get_pb2.MetadataResult(
                id=uuid_of("ü"), distance=0.25, distance_present=True
            ),
        )
        return search_get_pb2.SearchReply(results=[result])

    def BatchObjects(self, request: Any, context: Any) -> Any:
        self.asked.append(request)
        errors = [
            batch_pb2.BatchObjectsReply.BatchError(index=at, error=said)
            for at, said in enumerate(self.errors)
        ]
        return batch_pb2.BatchObjectsReply(errors=errors)

    def BatchDelete(self, request: Any, context: Any) -> Any:
        self.asked.append(request)
        return batch_delete_pb2.BatchDeleteReply(matches=1, successful=1)

    def Aggregate(self, request: Any, context: Any) -> Any:
        self.asked.append(request)
        single = aggregate_pb2.AggregateReply.Single(objects_count=7)
        return aggregate_pb2.AggregateReply(single_result=single)


@pytest.fixture
def http() -> Iterator[Scripted]:
    with scripted() as made:
        yield made


@pytest.fixture
def answering() -> Answering:
    return Answering()


@pytest.fixture
def database(http: Scripted, answering: Answering) -> Iterator[VectorDatabase]:
    server = grpc.server(ThreadPoolExecutor(2))
    weaviate_pb2_grpc.add_WeaviateServicer_to_server(answering, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    http.expect("GET", "/v1/meta", answer={"version": "1.34.0", "hostname": "x", "modules": {}})
    made = connect(Access(f"weaviate://127.0.0.1:{http.port}?grpc={port}", "secret"))
    yield made
    made.close()
    server.stop(None)


def schema(dims: int = 2, metric: str = "cosine") -> dict[str, Any]:
    """What a server says of a collection."""
    return {
        "class": "Held_1", "description": f"vectors of afresh: {dims} dimensions",
        "properties": [], "vectorConfig": {"default": {
            "vectorizer": {"none": {}}, "vectorIndexType": "hnsw",
            "vectorIndexConfig": {
                "distance": metric, "cleanupIntervalSeconds": 300, "dynamicEfMin": 100,
                "dynamicEfMax": 500, "dynamicEfFactor": 8, "ef": -1, "efConstruction": 128,
                "filterStrategy": "sweeping", "flatSearchCutoff": 40000, "maxConnections": 32,
                "skip": False, "vectorCacheMaxObjects": 10**12,
            },
        }},
        "invertedIndexConfig": {
            "bm25": {"b": 0.75, "k1": 1.2}, "cleanupIntervalSeconds": 60,
            "stopwords": {"preset": "en", "additions": None, "removals": None},
        },
        "multiTenancyConfig": {"enabled": False}, "replicationConfig": {"factor": 1},
        "shardingConfig": {
            "virtualPerPhysical": 128, "desiredCount": 1, "actualCount": 1,
            "desiredVirtualCount": 128, "actualVirtualCount": 128, "key": "_id",
            "strategy": "hash", "function": "murmur3",
        },
    }  # fmt: skip


def test_a_collection_is_made_as_documented(http: Scripted, database: VectorDatabase) -> None:
    http.expect("GET", "/v1/schema/Held_1", answer={"error": []}, status=404)
    http.expect("POST", "/v1/schema", ANY, schema())
    database.make("held_1", SHAPE)
    made = http.bodies[-1]
    assert made["class"] == "Held_1"
    assert made["description"] == "vectors of afresh: 2 dimensions"
    (vector,) = made["vectorConfig"].values()
    assert (vector["vectorIndexType"], vector["vectorIndexConfig"]["distance"]) == (
        "hnsw", "cosine",
    )  # fmt: skip
    assert made["invertedIndexConfig"]["indexNullState"] is True
    kinds = {each["name"]: each["dataType"] for each in made["properties"]}
    assert kinds == {"item_id": ["text"], "f_colour": ["text"], "f_price": ["number"],
                     "f_sold": ["boolean"]}  # fmt: skip
    whole = {each["name"] for each in made["properties"] if each.get("tokenization") == "field"}
    assert whole == {"item_id", "f_colour"}
    assert http.headers[-1]["authorization"] == "Bearer secret"


def test_points_are_put_found_and_forgotten(
    http: Scripted, database: VectorDatabase, answering: Answering
) -> None:
    http.expect("GET", "/v1/schema/Held_1", answer=schema())
    http.expect("GET", "/v1/schema/Held_1", answer=schema())
    collection = database.make("held_1", SHAPE)
    collection.upsert(["ü"], np.array([[0, 3]]), [{"colour": "red ", "price": 2, "sold": True}])
    (put,) = answering.asked[-1].objects
    assert (put.uuid, put.collection) == (uuid_of("ü"), "Held_1")
    held = put.properties.non_ref_properties
    assert {name: held[name] for name in held} == {
        "item_id": "ü", "f_colour": "[red ]", "f_price": 2.0, "f_sold": True,
    }  # fmt: skip
    sent = [each.vector_bytes for each in put.vectors] or [put.vector_bytes]
    assert np.frombuffer(sent[0], np.float32).tolist() == [0.0, 1.0]

    found = collection.search(np.array([0, 1]), 5, OneOf("colour", ("red ",)))
    assert (found.ids, found.cosines.tolist()) == (["ü"], [0.75])
    asked = answering.asked[-1]
    assert (asked.collection, asked.limit) == ("Held_1", 5)
    assert list(asked.properties.non_ref_properties) == ["item_id"]
    assert asked.metadata.distance
    assert (asked.filters.operator, asked.filters.value_text) == (Op.OPERATOR_EQUAL, "[red ]")
    assert asked.filters.target.property == "f_colour"

    collection.delete(["ü", "b"])
    gone = answering.asked[-1]
    assert (gone.collection, gone.dry_run) == ("Held_1", False)
    assert gone.filters.operator == Op.OPERATOR_CONTAINS_ANY
    assert list(gone.filters.value_text_array.values) == [uuid_of("ü"), uuid_of("b")]
    assert collection.count() == 7
    assert answering.asked[-1].objects_count


def test_an_alias_is_turned(http: Scripted, database: VectorDatabase) -> None:
    http.expect("GET", "/v1/aliases/Live", answer={"error": []}, status=404)
    body = {"class": "Held_1", "alias": "Live"}
    http.expect("POST", "/v1/aliases", body, body)
    database.switch("live", "held_1")
    http.expect("GET", "/v1/aliases/Live", answer=body)
    http.expect("PUT", "/v1/aliases/Live", {"class": "Held_2"}, {**body, "class": "Held_2"})
    database.switch("live", "held_2")
    http.expect("GET", "/v1/aliases/Live", answer={**body, "class": "Held_2"})
    assert database.live("live") == "held_2"
    http.expect("DELETE", "/v1/schema/Held_1")
    database.drop("held_1")
    http.expect("GET", "/v1/schema", answer={"classes": [{**schema(), "class": "Held_2"}]})
    assert database.names() == ["held_2"]


def said(filters: Any) -> Any:
    """A filter of the wire, as something to compare."""
    name = base_pb2.Filters.Operator.Name(filters.operator).removeprefix("OPERATOR_").lower()
    if filters.filters:
        return (name, [said(each) for each in filters.filters])
    return (name, filters.target.property, getattr(filters, filters.WhichOneof("test_value")))


@pytest.mark.parametrize(
    ("where", "wire"),
    [
        (Not(OneOf("colour", ("a", "b"))),
         ("or", [("is_null", "f_colour", True),
                 ("and", [("not_equal", "f_colour", "[a]"), ("not_equal", "f_colour", "[b]")])])),
        (Between("price", 1, 2.5),
         ("and", [("greater_than_equal", "f_price", 1.0), ("less_than_equal", "f_price", 2.5)])),
        (Not(Between("price", 1)),
         ("or", [("is_null", "f_price", True), ("less_than", "f_price", 1.0)])),
        (And((OneOf("sold", (True,)), Between("price", most=4))),
         ("and", [("equal", "f_sold", True), ("less_than_equal", "f_price", 4.0)])),
        (OneOf("price", (3, 4)), ("or", [("equal", "f_price", 3.0), ("equal", "f_price", 4.0)])),
    ],
)  # fmt: skip
def test_filters_are_those_of_its_wire(
    http: Scripted, database: VectorDatabase, answering: Answering, where: Filter, wire: object
) -> None:
    http.expect("GET", "/v1/schema/Held_1", answer=schema())
    http.expect("GET", "/v1/schema/Held_1", answer=schema())
    collection = database.make("held_1", SHAPE)
    collection.search(np.array([1, 0]), 1, where)
    assert said(answering.asked[-1].filters) == wire


@pytest.mark.parametrize(
    ("dims", "metric", "code"), [(3, "cosine", "vector_shape"), (2, "dot", "vector_metric")]
)
def test_another_collection_is_refused(
    http: Scripted, database: VectorDatabase, dims: int, metric: str, code: str
) -> None:
    http.expect("GET", "/v1/schema/Held_1", answer=schema(dims, metric))
    http.expect("GET", "/v1/schema/Held_1", answer=schema(dims, metric))
    with pytest.raises(BadRequest) as refused:
        database.make("held_1", SHAPE)
    assert refused.value.code == code


def test_what_it_does_not_take_is_an_error(
    http: Scripted, database: VectorDatabase, answering: Answering
) -> None:
    http.expect("GET", "/v1/schema/Held_1", answer=schema())
    http.expect("GET", "/v1/schema/Held_1", answer=schema())
    collection = database.make("held_1", SHAPE)
    answering.errors = ["too much"]
    with pytest.raises(Unavailable, match="too much"):
        collection.upsert(["a"], np.array([[1, 0]]), [{}])

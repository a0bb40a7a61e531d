"""Pinecone: its real client against a script of its documented API; not run against it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from tests.scripted import ANY, Scripted, scripted

from afresh.errors import AfreshError, BadRequest, Unavailable
from afresh.vectors.databases import Access, Field, Shape, VectorDatabase
from afresh.vectors.databases.connect import connect
from afresh.vectors.databases.filters import And, Between, Filter, Not, OneOf
from afresh.vectors.databases.points import uuid_of

SHAPE = Shape(2, (Field("colour", "text"), Field("price", "number"), Field("sold", "flag")))
ABSENT = {"$exists": False}


@pytest.fixture
def http(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    with scripted() as made:
        monkeypatch.setenv("PINECONE_CONTROLLER_HOST", made.url)
        yield made


def opened(http: Scripted, dims: int = 2, metric: str = "cosine") -> VectorDatabase:
    held = {
        "name": "shop", "host": http.url, "deletion_protection": "disabled",
        "schema": {
            "fields": {"_values": {"type": "dense_vector", "dimension": dims, "metric": metric}}
        },
        "deployment": {"deployment_type": "managed", "cloud": "aws", "region": "us-east-1"},
        "status": {"ready": True, "state": "Ready"},
    }  # fmt: skip
    http.expect("GET", "/indexes/shop", answer=held)
    return connect(Access("pinecone://shop", "secret"))


def test_points_are_put_found_and_forgotten(http: Scripted) -> None:
    database = opened(http)
    collection = database.make("held_1", SHAPE)
    point = {
        "id": uuid_of("ü"), "values": [0.0, 1.0],
        "metadata": {"f_colour": "red", "f_sold": True, "item_id": "ü"},
    }  # fmt: skip
    body = {"vectors": [point], "namespace": "held_1"}
    http.expect("POST", "/vectors/upsert", body, {"upsertedCount": 1})
    collection.upsert(["ü"], np.array([[0, 3]]), [{"colour": "red", "sold": True}])
    asked = {"vector": [0.0, 1.0], "topK": 5, "namespace": "held_1", "includeMetadata": True,
             "filter": {"f_colour": {"$in": ["red"]}}}  # fmt: skip
    hits = [{"id": uuid_of("ü"), "score": 0.5, "metadata": {"item_id": "ü"}},
            {"id": "own", "score": 0.1, "metadata": {"afresh_flush": "own"}}]  # fmt: skip
    http.expect("POST", "/query", ANY, {"matches": hits, "namespace": "held_1"})
    found = collection.search(np.array([0, 1]), 5, OneOf("colour", ("red",)))
    assert (found.ids, found.cosines.tolist()) == (["ü"], [0.5])
    sent = http.bodies[-1]
    assert {name: sent[name] for name in asked} == asked
    gone = {"ids": [uuid_of("ü")], "namespace": "held_1"}
    http.expect("POST", "/vectors/delete", gone, {})
    collection.delete(["ü"])
    held = {"namespaces": {"held_1": {"vectorCount": 7}}, "dimension": 2, "totalVectorCount": 7}
    http.expect("POST", "/describe_index_stats", ANY, held)
    assert collection.count() == 7
    http.expect("POST", "/vectors/upsert", ANY, {"upsertedCount": 1})
    http.expect("POST", "/query", ANY, {"matches": []})
    http.expect("POST", "/query", ANY, {"matches": [{"id": "own", "score": 1.0}]})
    http.expect("POST", "/vectors/delete", ANY, {})
    collection.flush()
    assert all(each["api-key"] == "secret" for each in http.headers)
    database.close()


def test_an_alias_is_a_record_of_its_own(http: Scripted) -> None:
    database = opened(http)
    said = {"id": "live", "values": [1.0, 0.0], "metadata": {"collection": "held_1"}}
    body = {"vectors": [said], "namespace": "afresh-aliases"}
    asked = {"ids": "live", "namespace": "afresh-aliases"}
    http.expect("POST", "/vectors/upsert", body, {"upsertedCount": 1})
    http.expect("GET", "/vectors/fetch", answer={"vectors": {}}, query=asked)
    http.expect("GET", "/vectors/fetch", answer={"vectors": {"live": said}}, query=asked)
    database.switch("live", "held_1")
    http.expect("GET", "/vectors/fetch", answer={"vectors": {}}, query=asked)
    assert database.live("live") is None
    spaces = [{"name": "held_1", "record_count": 1}, {"name": "afresh-aliases", "record_count": 1}]
    http.expect("GET", "/namespaces", answer={"namespaces": spaces})
    assert database.names() == ["held_1"]
    http.expect("DELETE", "/namespaces/held_1", answer={})
    database.drop("held_1")
    http.expect("DELETE", "/namespaces/held_1", answer={"message": "none"}, status=404)
    database.drop("held_1")


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (Not(OneOf("colour", ("a", "b"))),
         {"$or": [{"f_colour": ABSENT}, {"f_colour": {"$nin": ["a", "b"]}}]}),
        (OneOf("sold", (True,)), {"$or": [{"f_sold": {"$eq": True}}]}),
        (Not(OneOf("sold", (True,))),
         {"$or": [{"f_sold": ABSENT}, {"$and": [{"f_sold": {"$ne": True}}]}]}),
        (Between("price", 1, 2.5),
         {"$and": [{"f_price": {"$gte": 1}}, {"f_price": {"$lte": 2.5}}]}),
        (Not(Between("price", 1)), {"$or": [{"f_price": ABSENT}, {"f_price": {"$lt": 1}}]}),
        (And((OneOf("price", (3,)), Between("price", most=4))),
         {"$and": [{"f_price": {"$in": [3]}}, {"$and": [{"f_price": {"$lte": 4}}]}]}),
    ],
)  # fmt: skip
def test_filters_are_those_of_metadata(http: Scripted, where: Filter, said: object) -> None:
    collection = opened(http).make("held_1", SHAPE)
    http.expect("POST", "/query", ANY, {"matches": []})
    assert collection.search(np.array([1, 0]), 1, where).ids == []
    assert http.bodies[-1]["filter"] == said


@pytest.mark.parametrize(
    ("dims", "metric", "code"), [(3, "cosine", "vector_shape"), (2, "euclidean", "vector_metric")]
)
def test_another_index_is_refused(http: Scripted, dims: int, metric: str, code: str) -> None:
    with pytest.raises(BadRequest) as refused:
        opened(http, dims, metric).make("held_1", SHAPE)
    assert refused.value.code == code


def test_its_errors_are_in_words_for_a_person(http: Scripted) -> None:
    with pytest.raises(AfreshError, match="needs an API key"):
        connect(Access("pinecone://shop"))
    http.expect("GET", "/indexes/shop", answer={"error": {"message": "no such"}}, status=404)
    with pytest.raises(Unavailable, match="The index at pinecone://shop"):
        connect(Access("pinecone://shop", "secret"))

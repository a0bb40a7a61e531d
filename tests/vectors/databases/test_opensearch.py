"""OpenSearch: its real client against a script of its documented API; not run against it."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from tests.scripted import scripted

from afresh.errors import BadRequest, Unavailable
from afresh.vectors.databases import Access, Field, Shape
from afresh.vectors.databases.connect import connect
from afresh.vectors.databases.filters import And, Between, Filter, Not, OneOf

SHAPE = Shape(2, (Field("colour", "text"), Field("price", "number"), Field("sold", "flag")))
METHOD = {"name": "hnsw", "engine": "lucene", "space_type": "cosinesimil"}
VECTOR = {"type": "knn_vector", "dimension": 2, "method": METHOD}


def mapping(dims: int = 2, space: str = "cosinesimil") -> object:
    vector = {**VECTOR, "dimension": dims, "method": {**METHOD, "space_type": space}}
    return {"held": {"mappings": {"properties": {"vector": vector}}}}


def test_a_collection_is_made_filled_searched_and_turned_to() -> None:
    with scripted() as http:
        http.expect("HEAD", "/held", status=404)
        fields = {"f_colour": {"type": "keyword"}, "f_price": {"type": "double"},
                  "f_sold": {"type": "boolean"}}  # fmt: skip
        mappings = {"dynamic": "strict", "properties": {"vector": VECTOR, **fields}}
        made = {"settings": {"index": {"knn": True}}, "mappings": mappings}
        http.expect("PUT", "/held", made, {"acknowledged": True})
        database = connect(Access(f"opensearch://user@127.0.0.1:{http.port}", "key"))
        collection = database.make("held", SHAPE)
        sent = base64.b64encode(b"user:key").decode()
        assert all(each["authorization"] == f"Basic {sent}" for each in http.headers)

        lines = [
            {"index": {"_id": "ü"}}, {"vector": [0.0, 1.0], "f_colour": "red", "f_price": 2},
            {"index": {"_id": "b"}}, {"vector": [1.0, 0.0]},
        ]  # fmt: skip
        http.expect("POST", "/held/_bulk", lines, {"errors": False, "items": []})
        rows = np.array([[9, 9], [3, 0], [0, 5]])
        collection.upsert(["ü", "b", "ü"], rows, [{}, {}, {"colour": "red", "price": 2}])
        http.expect("POST", "/held/_refresh", answer={})
        collection.flush()
        http.expect("POST", "/held/_count", answer={"count": 2})
        assert collection.count() == 2

        asked = {"vector": [0.0, 1.0], "k": 5, "filter": {"terms": {"f_colour": ["red"]}}}
        body = {"size": 5, "_source": False, "query": {"knn": {"vector": asked}}}
        hits = [{"_id": "ü", "_score": 1.0}, {"_id": "b", "_score": 0.5}]
        http.expect("POST", "/held/_search", body, {"hits": {"hits": hits}})
        found = collection.search(np.array([0, 4]), 5, OneOf("colour", ("red",)))
        assert (found.ids, found.cosines.tolist()) == (["ü", "b"], [1.0, 0.0])

        gone = [{"delete": {"_id": "a"}}, {"delete": {"_id": "ü"}}]
        http.expect("POST", "/held/_bulk", gone, {"errors": False, "items": []})
        collection.delete(["a", "ü"])

        http.expect("GET", "/*/_alias", answer={"old": {"aliases": {"live": {}}}})
        actions = [{"remove": {"index": "old", "alias": "live"}},
                   {"add": {"index": "held", "alias": "live"}}]  # fmt: skip
        http.expect("POST", "/_aliases", {"actions": actions}, {"acknowledged": True})
        database.switch("live", "held")
        held = {"held": {"aliases": {"live": {}}}, "old": {"aliases": {}}}
        http.expect("GET", "/*/_alias", answer=held)
        assert database.live("live") == "held"
        http.expect("GET", "/*/_alias", answer=held)
        assert database.names() == ["held", "old"]
        http.expect("DELETE", "/old", answer={}, query={"ignore_unavailable": "true"})
        database.drop("old")
        database.close()


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (Not(OneOf("colour", ("a", "b"))),
         {"bool": {"must_not": [{"terms": {"f_colour": ["a", "b"]}}]}}),
        (Between("price", 1, 2.5), {"range": {"f_price": {"gte": 1, "lte": 2.5}}}),
        (Not(Between("price", most=2)),
         {"bool": {"must_not": [{"range": {"f_price": {"lte": 2}}}]}}),
        (And((OneOf("sold", (True,)), Between("price", 1))),
         {"bool": {"filter": [{"terms": {"f_sold": [True]}}, {"range": {"f_price": {"gte": 1}}}]}}),
        (Not(And((OneOf("sold", (True,)), Not(OneOf("price", (3,)))))),
         {"bool": {"should": [{"bool": {"must_not": [{"terms": {"f_sold": [True]}}]}},
                              {"terms": {"f_price": [3]}}], "minimum_should_match": 1}}),
    ],
)  # fmt: skip
def test_filters_are_those_of_its_query_language(where: Filter, said: object) -> None:
    with scripted() as http:
        http.expect("HEAD", "/held")
        http.expect("GET", "/held/_mapping", answer=mapping())
        collection = connect(Access(f"opensearch://127.0.0.1:{http.port}")).make("held", SHAPE)
        asked = {"vector": [1.0, 0.0], "k": 1, "filter": said}
        body = {"size": 1, "_source": False, "query": {"knn": {"vector": asked}}}
        http.expect("POST", "/held/_search", body, {"hits": {"hits": []}})
        assert collection.search(np.array([1, 0]), 1, where).ids == []


@pytest.mark.parametrize(
    ("dims", "space", "code"), [(3, "cosinesimil", "vector_shape"), (2, "l2", "vector_metric")]
)
def test_another_collection_is_refused(dims: int, space: str, code: str) -> None:
    with scripted() as http:
        http.expect("HEAD", "/held")
        http.expect("GET", "/held/_mapping", answer=mapping(dims, space))
        with pytest.raises(BadRequest) as refused:
            connect(Access(f"opensearch://127.0.0.1:{http.port}")).make("held", SHAPE)
        assert refused.value.code == code


def test_what_it_does_not_take_is_an_error() -> None:
    with scripted() as http:
        http.expect("HEAD", "/held")
        http.expect("GET", "/held/_mapping", answer=mapping())
        collection = connect(Access(f"opensearch://127.0.0.1:{http.port}")).make("held", SHAPE)
        refused = {"index": {"_id": "a", "status": 429, "error": {"reason": "too busy"}}}
        lines = [{"index": {"_id": "a"}}, {"vector": [1.0, 0.0]}]
        http.expect("POST", "/held/_bulk", lines, {"errors": True, "items": [refused]})
        with pytest.raises(Unavailable, match="too busy"):
            collection.upsert(["a"], np.array([[1, 0]]), [{}])
        http.expect("POST", "/held/_count", answer={"error": "gone"}, status=503)
        with pytest.raises(Unavailable, match=r"OpenSearch at opensearch://127\.0\.0\.1"):
            collection.count()

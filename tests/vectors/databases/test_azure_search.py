"""Azure AI Search: its real client against a script of its documented API; not run against it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.scripted import ANY, Scripted, scripted

from afresh.errors import BadRequest, Unavailable
from afresh.vectors.databases import Access, Collection, Field, Shape, VectorDatabase
from afresh.vectors.databases.connect import connect
from afresh.vectors.databases.filters import And, Between, Filter, Not, OneOf
from afresh.vectors.databases.points import uuid_of

SHAPE = Shape(2, (Field("colour", "text"), Field("price", "number"), Field("sold", "flag")))
INDEX = "/indexes('held-1')"
DOCS = f"{INDEX}/docs"


def index(dims: int = 2, metric: str = "cosine") -> dict[str, Any]:
    vector = {"name": "vector", "type": "Collection(Edm.Single)", "dimensions": dims}
    algorithm = {"name": "hnsw", "kind": "hnsw", "hnswParameters": {"metric": metric}}
    return {"name": "held-1", "fields": [vector], "vectorSearch": {"algorithms": [algorithm]}}


def opened(http: Scripted) -> tuple[VectorDatabase, Collection]:
    url = f"azure-search://127.0.0.1:{http.port}?scheme=http"
    database = connect(Access(url, "secret"))
    http.expect("GET", INDEX, answer=index())
    return database, database.make("held_1", SHAPE)


def taken(*keys: str) -> object:
    return {"value": [{"key": key, "status": True, "statusCode": 200} for key in keys]}


def test_an_index_is_made_as_documented() -> None:
    with scripted() as http:
        database = connect(Access(f"azure-search://127.0.0.1:{http.port}?scheme=http", "secret"))
        http.expect("GET", INDEX, answer={"error": {"code": "x", "message": "none"}}, status=404)
        http.expect("POST", "/indexes", ANY, index(), status=201)
        database.make("held_1", SHAPE)
    made = http.bodies[-1]
    fields = {field["name"]: field for field in made["fields"]}
    assert made["name"] == "held-1"
    assert fields["id"]["key"] is True
    vector = fields["vector"]
    assert (vector["type"], vector["dimensions"]) == ("Collection(Edm.Single)", 2)
    profile = made["vectorSearch"]["profiles"][0]
    algorithm = made["vectorSearch"]["algorithms"][0]
    assert vector["vectorSearchProfile"] == profile["name"]
    assert profile["algorithm"] == algorithm["name"]
    assert (algorithm["kind"], algorithm["hnswParameters"]["metric"]) == ("hnsw", "cosine")
    kinds = {name: fields[f"f_{name}"]["type"] for name in ("colour", "price", "sold")}
    assert kinds == {"colour": "Edm.String", "price": "Edm.Double", "sold": "Edm.Boolean"}
    assert all(fields[f"f_{field.name}"]["filterable"] for field in SHAPE.fields)
    assert all(each["api-key"] == "secret" for each in http.headers)


def test_points_are_put_found_and_forgotten() -> None:
    with scripted() as http:
        database, collection = opened(http)
        point = {
            "@search.action": "upload", "id": uuid_of("ü"), "item_id": "ü", "vector": [0.0, 1.0],
            "f_colour": "red", "f_price": None, "f_sold": None,
        }  # fmt: skip
        http.expect("POST", f"{DOCS}/search.index", {"value": [point]}, taken(uuid_of("ü")))
        collection.upsert(["ü"], np.array([[0, 3]]), [{"colour": "red"}])
        query = {"kind": "vector", "vector": [0.0, 1.0], "k": 5, "fields": "vector"}
        body = {
            "vectorQueries": [query], "vectorFilterMode": "preFilter", "select": "item_id",
            "top": 5, "filter": "(f_colour eq 'it''s')",
        }  # fmt: skip
        hits = [{"@search.score": 1.0, "item_id": "ü"}, {"@search.score": 0.5, "item_id": "b"},
                {"@search.score": 0.4, "item_id": ""}]  # fmt: skip
        http.expect("POST", f"{DOCS}/search.post.search", body, {"value": hits})
        found = collection.search(np.array([0, 1]), 5, OneOf("colour", ("it's",)))
        assert (found.ids, found.cosines.tolist()) == (["ü", "b"], [1.0, 0.0])
        gone = {"@search.action": "delete", "id": uuid_of("ü")}
        http.expect("POST", f"{DOCS}/search.index", {"value": [gone]}, taken(uuid_of("ü")))
        collection.delete(["ü"])
        http.expect("GET", f"{DOCS}/$count", answer=7)
        assert collection.count() == 7
        http.expect("POST", f"{DOCS}/search.index", ANY, taken("own"))
        http.expect("POST", f"{DOCS}/search.post.search", ANY, {"value": []})
        http.expect("POST", f"{DOCS}/search.post.search", ANY, {"value": [{"id": "own"}]})
        http.expect("POST", f"{DOCS}/search.index", ANY, taken("own"))
        collection.flush()
        database.close()


def test_an_alias_is_turned() -> None:
    with scripted() as http:
        database, _ = opened(http)
        said = {"name": "live", "indexes": ["held-1"]}
        http.expect("PUT", "/aliases('live')", said, said)
        database.switch("live", "held_1")
        http.expect("GET", "/aliases('live')", answer=said)
        assert database.live("live") == "held_1"
        http.expect("GET", "/aliases('none')", answer={"error": {"code": "x"}}, status=404)
        assert database.live("none") is None
        http.expect("GET", "/indexes", answer={"value": [{"name": "held-2"}, {"name": "held-1"}]})
        assert database.names() == ["held_1", "held_2"]
        http.expect("DELETE", "/indexes('held-2')", status=204)
        database.drop("held_2")


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (Not(OneOf("colour", ("a", "b"))),
         "(f_colour eq null or (f_colour ne 'a' and f_colour ne 'b'))"),
        (Between("price", 1, 2.5), "(f_price ge 1.0 and f_price le 2.5)"),
        (Not(Between("price", 1, 2)), "(f_price eq null or f_price lt 1.0 or f_price gt 2.0)"),
        (And((OneOf("sold", (True,)), Between("price", 1))),
         "((f_sold eq true) and (f_price ge 1.0))"),
        (Not(And((OneOf("sold", (True,)), Not(OneOf("price", (3,)))))),
         "((f_sold eq null or (f_sold ne true)) or (f_price eq 3.0))"),
    ],
)  # fmt: skip
def test_filters_are_odata_expressions(where: Filter, said: str) -> None:
    with scripted() as http:
        _, collection = opened(http)
        query = {"kind": "vector", "vector": [1.0, 0.0], "k": 1, "fields": "vector"}
        body = {"vectorQueries": [query], "vectorFilterMode": "preFilter", "select": "item_id",
                "top": 1, "filter": said}  # fmt: skip
        http.expect("POST", f"{DOCS}/search.post.search", body, {"value": []})
        assert collection.search(np.array([1, 0]), 1, where).ids == []


@pytest.mark.parametrize(
    ("dims", "metric", "code"), [(3, "cosine", "vector_shape"), (2, "euclidean", "vector_metric")]
)
def test_another_index_is_refused(dims: int, metric: str, code: str) -> None:
    with scripted() as http:
        database = connect(Access(f"azure-search://127.0.0.1:{http.port}?scheme=http", "secret"))
        http.expect("GET", INDEX, answer=index(dims, metric))
        with pytest.raises(BadRequest) as refused:
            database.make("held_1", SHAPE)
        assert refused.value.code == code


def test_what_it_does_not_take_is_an_error() -> None:
    with scripted() as http:
        _, collection = opened(http)
        no = {"key": "a", "status": False, "statusCode": 422, "errorMessage": "too much"}
        http.expect("POST", f"{DOCS}/search.index", ANY, {"value": [no]}, status=207)
        with pytest.raises(Unavailable, match="too much"):
            collection.upsert(["a"], np.array([[1, 0]]), [{}])
        http.expect("GET", f"{DOCS}/$count", answer={"error": {"message": "no key"}}, status=403)
        with pytest.raises(Unavailable, match=r"Azure AI Search at azure-search://127\.0\.0\.1"):
            collection.count()

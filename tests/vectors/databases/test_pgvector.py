"""PostgreSQL: what the conformance suite does not ask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.conftest import missing_engine
from tests.vector_databases import lacking, running

from afresh.errors import BadRequest, Unavailable
from afresh.vectors.databases import Access, Shape
from afresh.vectors.databases.connect import connect
from afresh.vectors.databases.pgvector import PgvectorDatabase

ENDED = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'afresh'"


@pytest.mark.engine
def test_a_connection_that_broke_is_made_anew_and_another_index_is_refused(tmp_path: Path) -> None:
    if lack := lacking("pgvector"):
        missing_engine("PostgreSQL", f"Install: {lack}")
    with running("pgvector", tmp_path) as url:
        database = connect(Access(url, timeout_ms=5000))
        assert isinstance(database, PgvectorDatabase)
        collection = database.make("held", Shape(2))
        collection.upsert(["a"], np.ones((1, 2)), [{}])
        with pytest.raises(Unavailable, match="PostgreSQL at postgresql://"):
            database.run(ENDED)
        assert collection.count() == 1
        database.run("CREATE TABLE other (id text, vector vector(2))")
        database.run("CREATE INDEX ON other USING hnsw (vector vector_l2_ops)")
        with pytest.raises(BadRequest) as refused:
            database.make("other", Shape(2))
        assert refused.value.code == "vector_metric"
        database.close()

"""The facts of every runner are those of the model and of the embedded engine, to the byte."""

from __future__ import annotations

import msgspec
import pytest
from tests.everything import app
from tests.facts_made import difference
from tests.features.conftest import Everything

from afresh.features.canonical import canonical
from afresh.features.from_facts import state_of

PLAN = app.plan()


@pytest.mark.timeout(180)  # the engines start, and read everything
def test_runner_model_and_embedded_engine_give_the_same_bytes(everything: Everything) -> None:
    wanted, found = everything.wanted, everything.found
    assert canonical(everything.state) == wanted
    assert not difference(found, wanted)
    assert found == wanted
    head, *facts = [msgspec.json.decode(line) for line in found.split(b"\n")]
    assert canonical(state_of(PLAN, head[1], facts)) == wanted

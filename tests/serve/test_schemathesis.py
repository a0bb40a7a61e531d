"""The document is true: requests made of it, good ones and bad ones, get the answers it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from afresh.loading import load
from afresh.serve.application import ROUTES
from afresh.serve.openapi import document

PLAN = load(Path(__file__).parents[2] / "examples" / "shop.py").plan()
SCHEMA = schemathesis.openapi.from_dict(document(ROUTES, PLAN))
ENDLESS = {"GET /v1/live", "POST /v1/live"}
OPERATIONS = {
    o.label: o for o in (f.ok() for f in SCHEMA.get_all_operations()) if o.label not in ENDLESS
}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def modes(name: str) -> list[GenerationMode]:
    """Without parameters and a body there is nothing to send that is wrong."""
    raw = OPERATIONS[name].definition.raw
    given = "parameters" in raw or "requestBody" in raw
    return [GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if given else [])]


@pytest.mark.parametrize(("name", "mode"), [(n, m) for n in OPERATIONS for m in modes(n)])
def test_every_route_answers_as_it_says(served: Any, name: str, mode: GenerationMode) -> None:
    @given(case=OPERATIONS[name].as_strategy(generation_mode=mode))
    @settings(max_examples=12, suppress_health_check=list(HealthCheck), deadline=None)
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(base_url=served.url, checks=CHECKS)

    ask()

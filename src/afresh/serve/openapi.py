"""The OpenAPI 3.1 document: made from the routes, their structs and the definition."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler

from afresh.features.plan import Plan
from afresh.serve.definition_schema import event, event_schemas, item, item_schemas
from afresh.serve.described import Body, Doc
from afresh.serve.problem import MEDIA_TYPE, Problem

Document = dict[str, Any]
_REF = "#/components/schemas/{name}"
_IDS = {"item_id": "The item.", "user_id": "The user."}
_REQUEST_ID = {
    "description": "The request's id, as sent in `X-Request-Id` or made here.",
    "schema": {"type": "string"},
}
_INTRO = (
    "Send events, ask what to show next. Errors are `application/problem+json` (RFC 9457), and "
    "every answer carries `X-Request-Id`. With an API key set, send it as "
    "`Authorization: Bearer KEY` or `X-Api-Key: KEY`."
)


def document(
    handlers: Iterable[HTTPRouteHandler], plan: Plan | None = None, *, secured: bool = False
) -> Document:
    """The document of all routes that describe themselves.

    With a plan, bodies are typed by what it declares. secured: an API key is needed.
    """
    described = [(h, h.opt["doc"]) for h in handlers if "doc" in h.opt]
    schemas = _schemas([doc for _, doc in described], plan)
    paths: dict[str, dict[str, Any]] = {}
    for handler, doc in described:
        for path in sorted(handler.paths):
            shown = re.sub(r"\{(\w+):\w+\}", r"{\1}", path)
            for method in sorted(handler.http_methods):
                operation = _operation(handler, doc, shown, plan, schemas, secured)
                paths.setdefault(shown, {})[str(method).lower()] = operation
    schemes = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    }
    made: Document = {
        "openapi": "3.1.0",
        "info": {
            "title": f"afresh: {plan.app}" if plan else "afresh",
            "version": version("afresh"),
            "description": _INTRO,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": schemas},
    }
    if secured:
        made["components"]["securitySchemes"] = schemes
        made["security"] = [{"bearer": []}, {"key": []}]
    return made


def _schemas(docs: list[Doc], plan: Plan | None) -> dict[str, Any]:
    types: dict[type, None] = {Problem: None}
    for doc in docs:
        bodies = doc.body.media.values() if doc.body else ()
        for schema in (doc.answer, *(schema for schema, _ in bodies)):
            if isinstance(schema, type):
                types[schema] = None
    _, found = msgspec.json.schema_components(types, ref_template=_REF)
    return {**found, **event_schemas(plan), **item_schemas(plan)}


def _operation(
    handler: HTTPRouteHandler,
    doc: Doc,
    path: str,
    plan: Plan | None,
    schemas: dict[str, Any],
    secured: bool,
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": handler.handler_name,
        "summary": doc.summary,
        "description": doc.description,
        "tags": [doc.tag],
        "parameters": [*_path(path), *_query(doc, plan)],
        "responses": _responses(doc, secured and path.startswith("/v1")),
    }
    if doc.body is not None:
        operation["requestBody"] = _body(doc.body, plan)
    return {name: value for name, value in operation.items() if value not in ("", [])}


def _path(path: str) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)\}", path):
        schema = {"type": "string", "minLength": 1, "maxLength": 256}
        said = _IDS.get(name, "")
        yield {"name": name, "in": "path", "required": True, "description": said, "schema": schema}


def _query(doc: Doc, plan: Plan | None) -> Iterator[dict[str, Any]]:
    if doc.query is not None:
        (_,), found = msgspec.json.schema_components([doc.query], ref_template=_REF)
        shape = found[doc.query.__name__]
        for name, schema in shape["properties"].items():
            choices = schema.get("anyOf", [schema])
            kept = next(choice for choice in choices if choice.get("type") != "null")
            kept = {**kept, **{k: schema[k] for k in ("default",) if schema.get(k) is not None}}
            said = kept.pop("description", "")
            yield {"name": name, "in": "query", "description": said, "schema": kept}
    if doc.more_query and plan is not None:
        said = "Only items whose field is this."
        text: dict[str, Any] = {"type": "string", "minLength": 1}
        for field in plan.catalog.fields:
            if field.kind == "str":
                yield {"name": field.name, "in": "query", "description": said, "schema": text}


def _body(body: Body, plan: Plan | None) -> dict[str, Any]:
    content = {}
    for media, (schema, example) in body.media.items():
        content[media] = _content(schema, example, plan)
    said = "gzip is taken too (`Content-Encoding`)." if body.packed else ""
    return {"required": True, "description": said, "content": content}


def _content(schema: Any, example: Any, plan: Plan | None) -> dict[str, Any]:
    if schema == "Lines":
        return {"schema": {"type": "string", "description": "One JSON object a line."}}
    examples: dict[str, Any] = {}
    if schema == "EventOrEvents":
        examples = {"one": event(plan), "several": [event(plan)]}
    elif schema == "Items":
        examples = {"several": [item(plan)]}
    name = schema if isinstance(schema, str) else schema.__name__
    made: dict[str, Any] = {"schema": {"$ref": _REF.format(name=name)}}
    if example is not None:
        examples = {"example": example}
    if examples:
        made["examples"] = {key: {"value": value} for key, value in examples.items()}
    return made


def _responses(doc: Doc, locked: bool) -> dict[str, Any]:
    headers = {"X-Request-Id": _REQUEST_ID}
    answer: dict[str, Any] = {"description": HTTPStatus(doc.status).phrase, "headers": headers}
    if doc.answer is not None:
        answer["content"] = {doc.media_type: _content(doc.answer, doc.example, None)}
    else:
        kind = "object" if doc.media_type == "application/json" else "string"
        answer["content"] = {doc.media_type: {"schema": {"type": kind}}}
    made = {str(doc.status): answer}
    errors = dict(doc.errors)
    if locked:
        errors[401] = "The API key is missing or wrong."
    errors[403] = "The host, or the web page that calls, is not allowed."
    for status, text in sorted(errors.items()):
        made[str(status)] = {
            "description": text,
            "headers": dict(headers),
            "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}},
        }
        if status in (429, 503, 507):
            made[str(status)]["headers"]["Retry-After"] = {"schema": {"type": "integer"}}
    return made

"""Routes, from the OpenAPI document that the server itself serves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from page_parts import cell, code, table

from afresh.serve import openapi

METHODS = ("get", "post", "put", "patch", "delete")
Document = dict[str, Any]


def resolve(document: Document, schema: Any) -> Any:
    """Follow a reference of the document."""
    while isinstance(schema, dict) and "$ref" in schema:
        target: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            if step not in target:
                raise KeyError(f"the OpenAPI document refers to {schema['$ref']} and lacks it")
            target = target[step]
        schema = target
    return schema


def kind(document: Document, schema: Any) -> str:
    """A schema in a few words."""
    if isinstance(schema, dict) and "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[-1])
    if "enum" in schema:
        return ", ".join(code(value) for value in schema["enum"])
    for choice in ("oneOf", "anyOf"):
        if choice in schema:
            return " or ".join(dict.fromkeys(kind(document, one) for one in schema[choice]))
    of = schema.get("type", "any")
    if of == "array":
        return f"array of {kind(document, schema.get('items', {}))}"
    return " or ".join(of) if isinstance(of, list) else str(of)


def content(document: Document, holder: Any) -> tuple[str, Any]:
    """(media type and kind, first example) of a body or an answer."""
    for media, body in (resolve(document, holder).get("content") or {}).items():
        schema = body.get("schema", {})
        examples = [e.get("value") for e in (body.get("examples") or {}).values()]
        examples += resolve(document, schema).get("examples") or []
        example = body.get("example", examples[0] if examples else None)
        return f"{kind(document, schema)} ({code(media)})", example
    return "", None


def operation(document: Document, method: str, path: str, said: Document) -> str:
    """One route."""
    parts = [f"## {method.upper()} {path}"]
    parts += [text for text in (said.get("summary"), said.get("description")) if text]
    parameters = [resolve(document, one) for one in said.get("parameters", ())]
    if parameters:
        rows = [
            (
                code(one["name"]),
                one["in"],
                kind(document, one.get("schema", {})),
                one.get("description") or "",
            )
            for one in parameters
        ]
        parts.append(table(("Parameter", "In", "Type", "Meaning"), rows))
    bodies = [("Takes", said["requestBody"])] if "requestBody" in said else []
    for title, holder in bodies:
        what, example = content(document, holder)
        parts.append(f"{title} {what}.")
        parts += _example(example)
    answers = []
    for status, holder in sorted(said.get("responses", {}).items()):
        answer = resolve(document, holder)
        what, example = content(document, answer)
        answers.append((code(status), cell(answer.get("description") or ""), what))
        if str(status).startswith("2"):
            parts += _example(example)
    parts.append(table(("Status", "Meaning", "Body"), answers))
    return "\n\n".join(parts)


def _example(example: Any) -> list[str]:
    if example is None:
        return []
    return [f"```json\n{json.dumps(example, indent=2, ensure_ascii=False)}\n```"]


def routes(document: Document) -> Iterator[str]:
    """Every operation, by path."""
    for path, methods in sorted(document["paths"].items()):
        for method in METHODS:
            if method in methods:
                yield operation(document, method, path, methods[method])


def page() -> str:
    """The page."""
    document = openapi()
    intro = (
        "Bodies are JSON. Errors are `application/problem+json` (RFC 9457). The server describes "
        "itself as OpenAPI 3.1 under `/openapi.json`, from which this page is made."
    )
    return "\n\n".join(["# HTTP", intro, *routes(document)])

"""`/openapi.json`, and `/docs`: the same, for people, without a request to anybody else."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from litestar import get
from litestar.types import ASGIApp

from afresh.serve.body import Connection
from afresh.serve.described import Doc, said
from afresh.serve.reply import html_reply, json_reply

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 48rem; margin: 2rem auto; padding: 0 1rem }
code, pre { font: 14px/1.5 ui-monospace, monospace }
pre { padding: .75rem; overflow: auto; border-radius: .5rem; background: #8882 }
section { border-top: 1px solid #8886; margin-top: 2rem }
td { padding: .1rem 1rem .1rem 0; vertical-align: top }
"""


@get("/openapi.json", opt=said(Doc("This API as OpenAPI 3.1", "Operation")))
async def get_openapi(request: Connection) -> ASGIApp:
    """The document of this server, with its definition's events and fields."""
    return json_reply(request.scope["litestar_app"].state["openapi"])


@get("/docs", opt=said(Doc("This API as a page", "Operation", media_type="text/html")))
async def get_docs(request: Connection) -> ASGIApp:
    """The document for people."""
    return html_reply(page(request.scope["litestar_app"].state["openapi"]))


def page(document: dict[str, Any]) -> str:
    """Every route of the document on one page."""
    info = document["info"]
    operations = "".join(
        _operation(document, method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(info["title"])}</title>'
        f"<style>{_STYLE}</style><h1>{escape(info['title'])}</h1><p>{escape(info['description'])}"
        f'<p><a href="/openapi.json">openapi.json</a>{operations}</html>'
    )


def _operation(document: dict[str, Any], method: str, path: str, said: dict[str, Any]) -> str:
    rows = [(p["name"], p["in"], p.get("description", "")) for p in said.get("parameters", ())]
    answers = [(status, "", answer["description"]) for status, answer in said["responses"].items()]
    bodies = said.get("requestBody", {}).get("content", {})
    shown = "".join(
        f"<p>Takes <code>{escape(media)}</code></p>{_example(document, body)}"
        for media, body in bodies.items()
    )
    return (
        f"<section><h2><code>{method.upper()} {escape(path)}</code></h2>"
        f"<p><b>{escape(said['summary'])}.</b> {escape(said.get('description', ''))}</p>"
        f"{_table(rows)}{shown}{_table(answers)}</section>"
    )


def _table(rows: list[tuple[str, str, str]]) -> str:
    cells = "".join(
        f"<tr><td><code>{escape(a)}</code><td>{escape(b)}<td>{escape(c)}" for a, b, c in rows
    )
    return f"<table>{cells}</table>" if rows else ""


def _example(document: dict[str, Any], body: dict[str, Any]) -> str:
    examples = [e["value"] for e in body.get("examples", {}).values()]
    name = body["schema"].get("$ref", "").rpartition("/")[2]
    examples += document["components"]["schemas"].get(name, {}).get("examples", [])
    if not examples:
        return ""
    return f"<pre>{escape(json.dumps(examples[0], indent=2, ensure_ascii=False))}</pre>"


routes = (get_openapi, get_docs)

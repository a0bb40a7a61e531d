"""`/afresh.js` and its parts: what the page of a shop loads. No key is needed for them: a browser
sends none with a script, and they are the same for everybody."""

from __future__ import annotations

from importlib import resources

from litestar import get
from litestar.types import ASGIApp

from afresh.serve.body import Connection
from afresh.serve.reply import Reply

MODULES = {
    f"/{file.name}": file.read_bytes()
    for file in (resources.files("afresh.serve") / "static").iterdir()
    if file.name.endswith(".js")
}
"""ES modules by path."""
_SCRIPT = (b"content-type", b"text/javascript; charset=utf-8")


@get(list(MODULES), include_in_schema=False)
async def get_module(request: Connection) -> ASGIApp:
    """One module."""
    return Reply(MODULES[request.scope["path"]], 200, _SCRIPT)


routes = (get_module,)

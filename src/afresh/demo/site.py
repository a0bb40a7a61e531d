"""The demo's page and the list of its households, as routes beside the API's.

Everything comes from this machine: the policy in the headers lets a browser load
nothing from anywhere else.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from afresh.demo.dataset import TERMS
from afresh.demo.freshness import worth
from afresh.errors import NotFound
from afresh.serve.serving import serving

MEDIA = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


class Household(msgspec.Struct):
    user_id: str
    about: str
    baskets: int


def site(households: Path) -> list[HTTPRouteHandler]:
    """The routes: `/` is the page, `/demo/<file>` its parts, `/demo/households` whom it can show,
    `/demo/freshness/<household>` how often lists that are late would have been right for one.

    `households` is a file with a JSON array of Household.
    """
    folder = resources.files("afresh.demo") / "static"
    files = {f.name: f.read_bytes() for f in folder.iterdir() if Path(f.name).suffix in MEDIA}
    people = msgspec.json.decode(households.read_bytes(), type=list[Household])
    listing = msgspec.json.encode({"households": people, "terms": TERMS})

    @get("/", include_in_schema=False, sync_to_thread=False)
    def page() -> Response[bytes]:
        return _file(files["index.html"], MEDIA[".html"])

    @get("/demo/households", include_in_schema=False, sync_to_thread=False)
    def whom() -> Response[bytes]:
        return _file(listing, "application/json")

    parts = [f"/demo/{name}" for name in files if name != "index.html"]

    @get(parts, include_in_schema=False, sync_to_thread=False)
    def part(request: Request[Any, Any, Any]) -> Response[bytes]:
        name = request.scope["path"].rpartition("/")[2]
        return _file(files[name], MEDIA[Path(name).suffix])

    known = {household.user_id for household in people}

    @get("/demo/freshness/{household:str}", include_in_schema=False, sync_to_thread=True)
    def freshness(request: Request[Any, Any, Any]) -> Response[bytes]:
        household = request.path_params["household"]
        if household not in known:
            raise NotFound("There is no such household.", hint="/demo/households lists them.")
        found = worth(serving(request).runtime, household)
        return _file(msgspec.json.encode(found), "application/json")

    return [page, whom, part, freshness]


def _file(content: bytes, media_type: str) -> Response[bytes]:
    return Response(content, media_type=media_type, headers=HEADERS)

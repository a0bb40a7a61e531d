"""A page of one's own beside the API: the files of one folder, served at `/`.

What may be fetched is listed at the start, so no path of a request ever reaches the file system;
a file's content is read when it is asked for, so an edit shows at the next load. Browsers are told
to load nothing from elsewhere. An inline script or style runs if it stands in the page's own file.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Iterable
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from afresh.errors import BadRequest, NotFound
from afresh.problems import suggest

MEDIA = {
    ".css": "text/css",
    ".gif": "image/gif",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
"""Files with another ending are not served; nor is one whose name, or folder, begins with a dot."""
MOST = 1000
"""More files than this are a mistake: somebody named their home."""
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")  # no dot first, nothing to percent-encode
_INLINE = {"script": "script-src", "style": "style-src"}


def site_files(site: Path) -> dict[str, Path]:
    """What is served, by path. site: a folder, whose `index.html` is `/`; or a page in a folder,
    which then is `/` itself.

    Links are not followed. Raises BadRequest for what is not there, has no page, or is too much.
    """
    front = site / "index.html" if site.is_dir() else site
    if not front.is_file() or front.suffix != ".html":
        pages = [p.name for p in front.parent.glob("*.html")] if front.parent.is_dir() else []
        hint = suggest(front.name, pages) or "Name a folder with an index.html, or a page."
        raise BadRequest(f"There is no page {front}", hint=hint, path="site")
    found = {"/": front}
    for folder, folders, names in os.walk(front.parent):
        folders[:] = [name for name in folders if _NAME.fullmatch(name)]
        for name in names:
            file = Path(folder, name)
            if _NAME.fullmatch(name) and file.suffix in MEDIA and not file.is_symlink():
                found[f"/{file.relative_to(front.parent).as_posix()}"] = file
        if len(found) > MOST:
            hint = "Name the folder of the page alone."
            raise BadRequest(f"{front.parent} has over {MOST} files", hint=hint, path="site")
    return found


def make_site(files: dict[str, Path], taken: Iterable[str]) -> HTTPRouteHandler:
    """The route of `site_files`. Raises BadRequest where one would hide a path of the API."""
    hidden = sorted({path for path in files if path in taken or path.startswith("/v1/")})
    if hidden:
        text = f"{files[hidden[0]]} would hide the server's own {hidden[0]}"
        raise BadRequest(text, hint="Give it another name.", path="site")

    @get(sorted(files), include_in_schema=False, sync_to_thread=False)
    def get_file(request: Request[Any, Any, Any]) -> Response[bytes]:
        """One file as it is now."""
        file = files[request.scope["path"]]
        try:
            content = file.read_bytes()
        except OSError as error:
            raise NotFound("This file is gone.", hint="Start the server again.") from error
        headers = {
            "Cache-Control": "no-cache",
            "Content-Security-Policy": policy(content if file.suffix == ".html" else b""),
            "Referrer-Policy": "no-referrer",
        }
        return Response(content, media_type=MEDIA[file.suffix], headers=headers)

    return get_file


@lru_cache(64)
def policy(page: bytes) -> str:
    """The Content-Security-Policy of a page: all from this server, inline only what is in it."""
    found = _Inline()
    found.feed(page.decode("utf-8", "replace").replace("\r\n", "\n"))
    allowed = {
        part: "".join(f" 'sha256-{hash_}'" for hash_ in found.hashes[part]) for part in _INLINE
    }
    inline = "; ".join(f"{_INLINE[part]} 'self'{allowed[part]}" for part in _INLINE)
    return (
        f"default-src 'self'; {inline}; img-src 'self' data:; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


class _Inline(HTMLParser):
    """Collects the hashes of what stands between <script> or <style> and its end."""

    def __init__(self) -> None:
        super().__init__()
        self.hashes: dict[str, list[str]] = {part: [] for part in _INLINE}
        self._inside: str | None = None
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _INLINE:
            self._inside, self._text = tag, ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            digest = hashlib.sha256(self._text.encode()).digest()
            self.hashes[tag].append(base64.b64encode(digest).decode())
            self._inside = None

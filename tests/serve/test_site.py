"""A page of one's own: what of a folder is served, to whom, and under which policy."""

from __future__ import annotations

import base64
import hashlib
import http.client
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from afresh.errors import BadRequest
from afresh.serve.site import MOST, policy, site_files

PAGE = "<!doctype html><style>p{}</style><p>hello<script>\nlet a = '<b>';\n</script>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A site beside a secret, with things in it that are not for everybody."""
    site = tmp_path / "site"
    (site / "parts").mkdir(parents=True)
    (site / ".git").mkdir()
    (tmp_path / "secret.html").write_text("secret")
    (site / "index.html").write_text(PAGE)
    (site / "parts" / "look.css").write_text("p {}")
    (site / "parts" / "page.js").write_text("1")
    for hidden in (".env.txt", ".git/config.txt", "app.py", "data.sqlite", "no extension"):
        (site / hidden).write_text("secret")
    (site / "link.html").symlink_to(tmp_path / "secret.html")
    (site / "up").symlink_to(tmp_path)
    return site


def test_pages_and_their_parts_are_served_and_nothing_else(folder: Path) -> None:
    assert set(site_files(folder)) == {"/", "/index.html", "/parts/look.css", "/parts/page.js"}


def test_a_page_can_be_the_front(folder: Path) -> None:
    (folder / "other.html").write_text("other")
    files = site_files(folder / "other.html")
    assert files["/"] == files["/other.html"]
    assert "/index.html" in files


def test_the_types_and_the_policy_are_told(serve: Any, folder: Path) -> None:
    with serve(site=folder) as served:
        for path, kind in {
            "/": "text/html; charset=utf-8",
            "/parts/look.css": "text/css; charset=utf-8",
            "/parts/page.js": "text/javascript; charset=utf-8",
        }.items():
            answer = served.client.get(path)
            assert answer.status_code == 200
            assert answer.headers["content-type"] == kind
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert served.client.get("/").text == PAGE
        (folder / "index.html").write_text("edited")
        assert served.client.get("/").text == "edited"
        (folder / "index.html").unlink()
        assert served.client.get("/").status_code == 404


def test_only_inline_code_of_the_page_itself_may_run() -> None:
    script = base64.b64encode(hashlib.sha256(b"\nlet a = '<b>';\n").digest()).decode()
    style = base64.b64encode(hashlib.sha256(b"p{}").digest()).decode()
    told = policy(PAGE.replace("\n", "\r\n").encode())
    assert f"script-src 'self' 'sha256-{script}';" in told
    assert f"style-src 'self' 'sha256-{style}';" in told
    assert "unsafe" not in told
    assert "script-src 'self';" in policy(b"")


OUTSIDE = [
    "/../secret.html", "/..%2fsecret.html", "/%2e%2e/secret.html", "/parts/../../secret.html",
    "/parts/..%2f..%2fsecret.html", "/..\\secret.html", "//secret.html", "/link.html",
    "/up/secret.html", "/.env.txt", "/.git/config.txt", "/app.py", "/index.html%00", "/parts",
]  # fmt: skip


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_path_leads_out_of_it(serve: Any, folder: Path, path: str) -> None:
    with serve(site=folder) as served:
        host = urlsplit(served.url)
        connection = http.client.HTTPConnection(host.hostname or "", host.port)  # sends it as it is
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status in (400, 404)
        assert b"secret" not in re.sub(rb"secret\.html", b"", answer.read())
        connection.close()


def test_a_page_needs_no_key_but_the_api_does(serve: Any, folder: Path) -> None:
    with serve(site=folder, api_key="k") as served:
        for path in ("/", "/parts/page.js", "/afresh.js"):
            assert served.client.get(path).status_code == 200
        for path in ("/v1/trending", "/docs", "/secret.html", "/parts/../v1/trending"):
            assert served.client.get(path).status_code == 401


@pytest.mark.parametrize("name", ["afresh.js", "openapi.json", "v1/events.json"])
def test_it_hides_no_path_of_the_api(serve: Any, folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("1")
    with pytest.raises(BadRequest, match="would hide"), serve(site=folder):
        pass


def test_a_wrong_folder_is_said(folder: Path) -> None:
    with pytest.raises(BadRequest, match="There is no page") as error:
        site_files(folder / "indx.html")
    assert "index.html" in error.value.hint
    with pytest.raises(BadRequest, match="There is no page"):
        site_files(folder / "parts")
    for n in range(MOST):
        (folder / f"{n}.txt").touch()
    with pytest.raises(BadRequest, match="over 1000 files"):
        site_files(folder)

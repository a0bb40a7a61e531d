"""JSON over HTTP to the service of a vendor, through httpx: the one file here that knows it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from afresh.errors import AfreshError, MissingDependency, Unavailable

if TYPE_CHECKING:
    import httpx

SAID = 500
"""The most characters of a refusal that are passed on."""


class Answer(NamedTuple):
    """body: the JSON of it, or its text where it is none (as proxies answer)."""

    status: int
    body: Any


class Service:
    """Calls of one service. authorization: the header's value, asked for at each call, as what it
    holds may expire; it is in no error.

    Raises MissingDependency without httpx, and AfreshError for an address that is no https://,
    unless it is of this machine.
    """

    def __init__(
        self, name: str, url: str, authorization: Callable[[], str], timeout_s: float
    ) -> None:
        parts = urlsplit(url)
        local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
        if not parts.hostname or (parts.scheme != "https" and not local):
            raise AfreshError(f"{name} is not called at {url!r}.", hint="It begins with https://.")
        library = _library()
        self.name, self._authorization = name, authorization
        self._lost = library.HTTPError
        self._http: httpx.Client = library.Client(base_url=url, timeout=timeout_s)

    def call(
        self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None
    ) -> Answer:
        """Whatever the service answers. Raises Unavailable when it does not."""
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {"authorization": self._authorization()}
        if content is not None:
            headers["content-type"] = "application/json"
        try:
            found = self._http.request(method, path, content=content, params=query, headers=headers)
        except self._lost as error:
            raise self.refused(f"{type(error).__name__}: {error}") from error
        try:
            return Answer(found.status_code, found.json())
        except ValueError:
            return Answer(found.status_code, found.text)

    def asked(
        self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The object that a call answers with. Raises Unavailable for anything else."""
        answer = self.call(method, path, body, query)
        if answer.status != 200 or not isinstance(answer.body, dict):
            raise self.refused(said(answer))
        return answer.body

    def refused(self, text: str) -> Unavailable:
        hint = "Check address, names and the key's rights. What was sent may be sent again."
        return Unavailable(f"{self.name}: {text}", hint=hint)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()


def said(answer: Answer) -> str:
    """A refusal in one line."""
    body = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
    return f"{answer.status} {body[:SAID]}".strip()


def _library() -> Any:
    try:
        import httpx
    except ImportError as error:
        raise MissingDependency(
            "This feature store needs the package httpx, which is not installed.",
            hint="Install it with the extra `client`: pip install 'afresh[client]'.",
        ) from error
    return httpx

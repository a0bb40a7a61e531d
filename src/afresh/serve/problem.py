"""Errors as `application/problem+json` (RFC 9457). No stack trace ever leaves the process."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from afresh.errors import (
    AfreshError,
    BadRequest,
    NotFound,
    Overloaded,
    StorageFull,
    Unavailable,
)
from afresh.events.verdict import Rejection

MEDIA_TYPE = "application/problem+json"
Headers = list[tuple[bytes, bytes]]

_log = structlog.get_logger("afresh.serve")
_CODES = {401: "unauthorized", 405: "method_not_allowed", 413: "body_too_large"}


class Problem(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What went wrong, where, and what to do next."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    hint: str = ""
    path: str = ""
    """The place in the request, as JSONPath."""
    instance: str = ""
    request_id: str = ""
    accepted: int | None = None
    duplicates: int | None = None
    rejected: list[Rejection] | None = None
    """When no event was acceptable: the verdict on each."""


class HttpError(AfreshError):
    """A refusal that only HTTP knows, such as 413 or 415."""

    def __init__(self, status: int, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code


class NothingAccepted(AfreshError):
    """No event of a request was acceptable; `rejected` says why of each."""

    def __init__(self, rejected: list[Rejection], what: str = "event") -> None:
        first = rejected[0]
        super().__init__(f"No {what} was acceptable; the first: {first.detail}")
        self.path = first.path
        self.rejected = rejected


def problem_of(error: Exception) -> tuple[Problem, Headers]:
    """An error as a problem, with the headers that belong to it."""
    message = error.message if isinstance(error, AfreshError) else ""
    hint = error.hint if isinstance(error, AfreshError) else ""
    headers: Headers = []
    match error:
        case HttpError():
            made = problem(error.status, error.code, message, hint)
        case BadRequest():
            made = problem(400, error.code, message, hint)
            made.path = error.path
        case NothingAccepted():
            made = problem(422, "nothing_accepted", message, "See rejected.")
            made.path, made.rejected = error.path, error.rejected
            made.accepted = made.duplicates = 0
        case NotFound():
            made = problem(404, "not_found", message, hint)
        case Overloaded():
            made = problem(429, "overloaded", message, hint)
            headers = _retry(error.retry_after)
        case StorageFull():
            made = problem(507, "storage_full", message, hint)
            headers = _retry(30)
        case Unavailable():
            made = problem(503, "unavailable", message, hint)
            headers = _retry(5)
        case HTTPException():
            made = _of_framework(error)
            headers = [(k.lower().encode(), v.encode()) for k, v in (error.headers or {}).items()]
        case _:
            detail = "The server failed to answer."
            made = problem(500, "internal", detail, "The server's log says why, by request_id.")
    return made, headers


def problem(status: int, code: str, detail: str, hint: str = "") -> Problem:
    """A problem of this status; its type is a URN made of the code."""
    title = HTTPStatus(status).phrase
    return Problem(
        type=f"urn:afresh:{code}", title=title, status=status, code=code, detail=detail, hint=hint
    )


def problem_body(made: Problem, scope: Any) -> bytes:
    """The problem as JSON, with the request it belongs to."""
    made.instance = scope["path"].encode("utf-8", "replace").decode()
    made.request_id = scope.get("state", {}).get("request_id", "")
    return msgspec.json.encode(made)


def on_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """What the framework calls for everything that a route raises."""
    made, headers = problem_of(error)
    if made.status == 500:
        request_id = request.scope["state"].get("request_id", "")
        _log.error("request_failed", request_id=request_id, exc_info=error)
    return Response(
        problem_body(made, request.scope),
        status_code=made.status,
        media_type=MEDIA_TYPE,
        headers={name.decode(): value.decode() for name, value in headers},
    )


def _of_framework(error: HTTPException) -> Problem:
    status = error.status_code
    if status == 404:
        return problem(404, "no_such_route", "There is no such route.", "See /openapi.json.")
    if status >= 500:
        return problem(500, "internal", "The server failed to answer.")
    detail = error.detail or HTTPStatus(status).phrase
    hint = ""
    if status == 405:
        detail = "This route has no such method."
        hint = f"It has {(error.headers or {}).get('allow', '')}."
    return problem(status, _CODES.get(status, "bad_request"), detail, hint)


def _retry(seconds: float) -> Headers:
    return [(b"retry-after", str(max(1, round(seconds))).encode())]

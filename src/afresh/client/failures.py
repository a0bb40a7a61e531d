"""What a call of the client raises."""

from __future__ import annotations

from afresh.client.answers import Problem
from afresh.errors import AfreshError


class RequestFailed(AfreshError):
    """The server refused, or could not answer; what it said stands in the attributes.

    status: of HTTP. path: the place in the request. request_id: what the server's log knows it by.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.title}: {problem.detail}", hint=problem.hint)
        self.status, self.code, self.title = problem.status, problem.code, problem.title
        self.detail, self.path, self.request_id = problem.detail, problem.path, problem.request_id


class ServerUnreachable(AfreshError):
    """No answer came, however often it was tried. Whether events arrived is not known; sent again
    with the same ids they count once."""

"""How often a call is made, and how long is waited between: without a socket or a clock.

`attempts` is a generator that a driver runs: it yields a Call, to be made and answered with a
Response or an exception of the connection, or a number of seconds to sleep; it returns the answer.
So the waiting client and the awaited one share every rule.

A call is made again after 429, 503, 507 and failures of the connection. That is safe for each of
them: an event has its id, an item is put whole, the rest reads.
"""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import msgspec

from afresh.client.answers import Problem, Receipt
from afresh.client.calls import Call, T
from afresh.client.failures import RequestFailed, ServerUnreachable

AGAIN = frozenset({429, 503, 507})
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 30.0


@dataclass(frozen=True, slots=True)
class Response:
    """An answer as it came. retry_after: the header, "" when there is none."""

    status: int
    body: bytes
    retry_after: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer came, and why."""

    reason: str


Steps = Generator[Call[T] | float, Response | Lost | None, T]


def attempts(call: Call[T], retries: int) -> Steps[T]:
    """The steps of a call. Raises RequestFailed, ServerUnreachable."""
    for made in range(retries + 1):
        found = yield call
        last = made == retries
        if isinstance(found, Response) and (last or found.status not in AGAIN):
            return _answer(call, found)
        if last:
            raise _unreachable(found, retries)
        yield _wait(made, found.retry_after if isinstance(found, Response) else "")
    raise AssertionError  # the last attempt returned or raised


class Patience:
    """How often, and after how long, a stream that ended is opened again: as a call is made again,
    and from the beginning once something was heard."""

    def __init__(self, call: Call[Any], retries: int) -> None:
        self._call, self._retries, self._made = call, retries, 0

    def heard(self, data: str) -> Any:
        """What an event's data says."""
        self._made = -1  # that the stream ends is no attempt that failed
        return msgspec.json.decode(data, type=self._call.shape)

    def wait(self, found: Response | Lost) -> float:
        """Seconds until the next attempt. Raises RequestFailed, ServerUnreachable."""
        refused = isinstance(found, Response) and found.status != 200
        if isinstance(found, Response) and refused:
            if found.status not in AGAIN or self._made == self._retries:
                _answer(self._call, found)
        elif self._made == self._retries:
            raise _unreachable(found, self._retries)
        self._made += 1
        return _wait(
            max(self._made - 1, 0), found.retry_after if isinstance(found, Response) else ""
        )


def _unreachable(found: Response | Lost | None, retries: int) -> ServerUnreachable:
    why = found.reason if isinstance(found, Lost) else ""
    return ServerUnreachable(
        f"No answer after {retries + 1} attempts: {why}", hint="Does the server run?"
    )


def _wait(made: int, asked: str) -> float:
    """Seconds: at least what the server asked for, longer each time, never the same for all."""
    usual = FIRST_WAIT_S * 2.0**made * random.uniform(0.5, 1)
    said = float(asked) if asked.isdigit() else 0.0
    return min(max(usual, said), LONGEST_WAIT_S)


def _answer(call: Call[T], found: Response) -> T:
    if found.status < 300:
        return msgspec.json.decode(found.body, type=call.shape)
    try:
        problem = msgspec.json.decode(found.body, type=Problem)
    except msgspec.DecodeError:
        detail = found.body[:200].decode("utf-8", "replace")
        problem = Problem(title=f"HTTP {found.status}", detail=detail)
    problem.status = found.status
    if found.status == 422 and problem.rejected and call.shape is Receipt:
        return Receipt(rejected=problem.rejected)  # type: ignore[return-value]
    raise RequestFailed(problem)

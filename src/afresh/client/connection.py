"""Calls over httpx: the one file that knows it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from afresh.client.attempts import Lost, Patience, Response, Steps
from afresh.client.calls import Call, T
from afresh.errors import MissingDependency

if TYPE_CHECKING:
    import httpx


def _httpx() -> Any:
    try:
        import httpx
    except ModuleNotFoundError as error:
        hint = "Install it with: pip install 'afresh[client]'."
        raise MissingDependency("The client needs httpx.", hint=hint) from error
    return httpx


def _headers(key: str | None) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}


def _request(call: Call[Any]) -> dict[str, Any]:
    json = {"content-type": "application/json"} if call.body is not None else {}
    return {
        "method": call.method,
        "url": call.path,
        "content": call.body,
        "params": call.query,
        "headers": json,
    }


def _response(found: httpx.Response) -> Response:
    return Response(found.status_code, found.content, found.headers.get("retry-after", ""))


SILENCE_S = 45.0
"""After so long without a word, not even the comment of every 15 s, a stream is lost."""
DATA = "data: "


def _of(line: str) -> str | None:
    """What a line of a stream says; None for one that says nothing."""
    return line[len(DATA) :] if line.startswith(DATA) else None


class Waiting:
    """Runs calls in this thread. Safe to share among threads."""

    def __init__(self, url: str, key: str | None, timeout_s: float) -> None:
        self._lost = _httpx().TransportError
        self._patient = _httpx().Timeout(timeout_s, read=max(timeout_s, SILENCE_S))
        self.http: httpx.Client = _httpx().Client(
            base_url=url, headers=_headers(key), timeout=timeout_s
        )

    def run(self, steps: Steps[T]) -> T:
        """Take the steps to their end. Raises what they raise."""
        answer: Response | Lost | None = None
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as ended:
                return ended.value  # type: ignore[no-any-return]
            answer = None
            if isinstance(step, Call):
                try:
                    answer = _response(self.http.request(**_request(step)))
                except self._lost as error:
                    answer = Lost(str(error) or type(error).__name__)
            else:
                time.sleep(step)

    def heard(self, call: Call[T], retries: int) -> Iterator[T]:
        """What a stream says, connected again when it ends. Raises as `Patience.wait`."""
        patience = Patience(call, retries)
        found: Response | Lost
        while True:
            try:
                with self.http.stream(**_request(call), timeout=self._patient) as opened:
                    found = Response(opened.status_code, b"")
                    if opened.status_code == 200:
                        for line in opened.iter_lines():
                            if (data := _of(line)) is not None:
                                yield patience.heard(data)
                    else:
                        opened.read()
                        found = _response(opened)
            except self._lost as error:
                found = Lost(str(error) or type(error).__name__)
            time.sleep(patience.wait(found))


class Awaited:
    """Runs calls on an event loop."""

    def __init__(self, url: str, key: str | None, timeout_s: float) -> None:
        self._lost = _httpx().TransportError
        self._patient = _httpx().Timeout(timeout_s, read=max(timeout_s, SILENCE_S))
        self.http: httpx.AsyncClient = _httpx().AsyncClient(
            base_url=url, headers=_headers(key), timeout=timeout_s
        )

    async def run(self, steps: Steps[T]) -> T:
        """Take the steps to their end. Raises what they raise."""
        answer: Response | Lost | None = None
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as ended:
                return ended.value  # type: ignore[no-any-return]
            answer = None
            if isinstance(step, Call):
                try:
                    answer = _response(await self.http.request(**_request(step)))
                except self._lost as error:
                    answer = Lost(str(error) or type(error).__name__)
            else:
                await asyncio.sleep(step)

    async def heard(self, call: Call[T], retries: int) -> AsyncIterator[T]:
        """What a stream says, connected again when it ends. Raises as `Patience.wait`."""
        patience = Patience(call, retries)
        found: Response | Lost
        while True:
            try:
                async with self.http.stream(**_request(call), timeout=self._patient) as opened:
                    found = Response(opened.status_code, b"")
                    if opened.status_code == 200:
                        async for line in opened.aiter_lines():
                            if (data := _of(line)) is not None:
                                yield patience.heard(data)
                    else:
                        await opened.aread()
                        found = _response(opened)
            except self._lost as error:
                found = Lost(str(error) or type(error).__name__)
            await asyncio.sleep(patience.wait(found))

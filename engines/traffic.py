"""What people do and ask of servers while parts of the whole die."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

PAUSE_S = 0.05
TIMEOUT_S = 5.0
AT_ONCE = 5
"""Events of one request."""


@dataclass(frozen=True)
class Asked:
    """An answer, or none. at: seconds on the clock that only moves forward."""

    at: float
    who: str
    status: int
    degraded: tuple[str, ...] = ()
    items: int = 0


@dataclass
class Heard:
    """What was asked, and what was acknowledged. taken: when each body was."""

    asked: list[Asked] = field(default_factory=list)
    acknowledged: int = 0
    taken: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


class Traffic:
    """Sends events until all are acknowledged, and asks for lists all the while, at whichever
    server answers. reader: who is asked for features as well."""

    def __init__(
        self,
        urls: Mapping[str, str],
        bodies: Sequence[dict[str, Any]],
        pause_s: float,
        reader: str | None = None,
    ) -> None:
        self.urls, self.bodies, self.pause_s = dict(urls), list(bodies), pause_s
        self.reader = reader
        self.heard = Heard()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=run, name=run.__name__) for run in (self._send, self._ask)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def hurry(self) -> None:
        """Send the rest without pauses."""
        self.pause_s = 0.0

    def sent(self, patience_s: float) -> bool:
        """Wait until all is acknowledged."""
        self._threads[0].join(patience_s)
        return not self._threads[0].is_alive()

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _send(self) -> None:
        names = list(self.urls)
        for turn, at in enumerate(range(0, len(self.bodies), AT_ONCE)):
            body = self.bodies[at : at + AT_ONCE]
            for attempt in range(10_000):
                if self._stop.is_set():
                    return
                who = names[(turn + attempt) % len(names)]
                status, said = call(self.urls[who], "/v1/events", body)
                if status == 202 and said["accepted"] + said["duplicates"] == len(body):
                    self.heard.acknowledged += len(body)
                    self.heard.taken.append(time.monotonic())
                    break
                self.heard.refused.append(f"{who} {status} {said.get('detail', said)}")
                time.sleep(PAUSE_S)
            self._stop.wait(self.pause_s)

    def _ask(self) -> None:
        names, people = list(self.urls), sorted({b["user_id"] for b in self.bodies})
        turn = 0
        while not self._stop.is_set():
            turn += 1
            who = names[turn % len(names)]
            person = people[turn % len(people)]
            asked = {"surface": "home", "user_id": person}
            status, said = call(self.urls[who], "/v1/recommend", asked)
            degraded = tuple(said.get("degraded", ()))
            items = len(said.get("items", ()))
            self.heard.asked.append(Asked(time.monotonic(), who, status, degraded, items))
            if self.reader is not None:
                body = {"keys": {"user_id": [person]}}
                status, _ = call(self.reader, "/v1/features", body)
                self.heard.asked.append(Asked(time.monotonic(), "reader", status))
            self._stop.wait(PAUSE_S)


def call(url: str, path: str, body: object, timeout_s: float = TIMEOUT_S) -> tuple[int, Any]:
    """The status and the answer; (0, why) when there is none."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout_s)
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        return 0, {"detail": repr(error)}
    finally:
        connection.close()

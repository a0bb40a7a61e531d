"""Flink's SQL gateway, spoken to over its REST interface (version 3)."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from types import TracebackType
from typing import Any
from urllib.parse import quote

from afresh.errors import AfreshError, Unavailable

WAIT_SECONDS = 0.02
"""Between two looks at whether a statement is done."""


class Gateway:
    """One session with a gateway; its tables and settings vanish when it is closed.

    Raises Unavailable where nothing answers, and AfreshError with Flink's own words, without
    its stack trace, where a statement is refused.
    """

    def __init__(self, url: str, timeout: float = 300.0) -> None:
        """url: such as `http://127.0.0.1:8083`. timeout: seconds for one statement."""
        self.url, self.timeout = url.rstrip("/"), timeout
        self.session: str = self._call("POST", "/v3/sessions", {})["sessionHandle"]

    def __enter__(self) -> Gateway:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._call("DELETE", f"/v3/sessions/{self.session}")

    def set(self, settings: Mapping[str, str]) -> None:
        for name, value in settings.items():
            self.run(f"SET '{name}' = '{value}'")

    def run(self, statement: str) -> list[list[Any]]:
        """Run a statement to its end; the rows it gives."""
        return self._results(statement)[1]

    def submit(self, statement: str) -> str:
        """Start a job; its id. It runs on when the session is closed."""
        job, rows = self._results(statement)
        if job is None:
            raise AfreshError(f"Flink started no job, and said {rows}.", hint="See Flink's log.")
        return job

    def _results(self, statement: str) -> tuple[str | None, list[list[Any]]]:
        told = self._call("POST", f"/v3/sessions/{self.session}/statements",
                          {"statement": statement})  # fmt: skip
        handle = quote(told["operationHandle"])
        path = f"/v3/sessions/{self.session}/operations/{handle}/result/0?rowFormat=JSON"
        rows: list[list[Any]] = []
        job: str | None = None
        until = time.monotonic() + self.timeout
        while True:
            got = self._call("GET", path)
            if got["resultType"] == "NOT_READY":
                if time.monotonic() > until:
                    raise Unavailable(f"Flink has not answered for {self.timeout:g} s: "
                                      f"{statement[:80]}", hint="See Flink's log.")  # fmt: skip
                time.sleep(WAIT_SECONDS)
                continue
            job = got.get("jobID") or job
            rows += [row["fields"] for row in got.get("results", {}).get("data", [])]
            path = got.get("nextResultUri", "")
            if got["resultType"] == "EOS" or not path:
                return job, rows

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        return call(self.url + path, method, body, self.timeout)


def call(url: str, method: str = "GET", body: object = None, timeout: float = 60) -> dict[str, Any]:
    """One exchange with Flink in JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            said: dict[str, Any] = json.load(answer)
            return said
    except urllib.error.HTTPError as error:
        raise AfreshError(f"Flink refused: {_words(error.read())}") from error
    except (OSError, ValueError) as error:
        raise Unavailable(f"Nothing of Flink answers at {url}: {error}",
                          hint="Start the cluster and its SQL gateway, or name it with --gateway."
                          ) from error  # fmt: skip


def _words(body: bytes) -> str:
    """What went wrong, from the deepest cause of a Java stack trace."""
    try:
        errors = json.loads(body)["errors"]
    except (ValueError, KeyError):
        return body.decode(errors="replace")[-500:]
    lines = [line for error in errors for line in error.splitlines()]
    said = [line for line in lines if line and not line.startswith(("\t", "<Exception"))]
    causes = [line.removeprefix("Caused by: ") for line in said if line.startswith("Caused by:")]
    return str((causes or said or ["it did not say why"])[-1])

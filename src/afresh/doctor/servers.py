"""Examinations of servers that run: ready, one version, one definition, clocks that agree."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

import msgspec

from afresh.doctor import Finding, skewed
from afresh.features.plan import Plan

TIMEOUT_S = 5.0


def examine(addresses: Sequence[str], plan: Plan | None) -> Iterator[Finding]:
    """addresses: such as `http://10.0.0.7:8000`."""
    plans: dict[str, str] = {} if plan is None else {"the definition here": plan.hash}
    for address in addresses:
        before = time.time_ns() / 1e6
        try:
            told = msgspec.convert(_asked(address, "/version"), _Version)
            after = time.time_ns() / 1e6
            ready = _asked(address, "/readyz")
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            yield Finding(
                "servers", "error", f"{address} does not answer: {error}",
                "Is it running, and is this its address?",
            )  # fmt: skip
            continue
        if ready.get("status") == "ready":
            yield Finding("servers", "ok", f"{address} is ready")
        else:
            yield Finding(
                "servers", "error", f"{address}: {ready.get('detail', ready)}",
                str(ready.get("hint", "Wait, or see its log.")),
            )  # fmt: skip
        if told.afresh != version("afresh"):
            yield Finding(
                "servers", "warning", f"{address} runs afresh {told.afresh}",
                f"Run one version everywhere; here it is {version('afresh')}.",
            )  # fmt: skip
        ahead = max(told.clock - after, 0) + min(told.clock - before, 0)
        yield skewed("clocks", f"The clock of {address}", ahead)
        plans[address] = told.plan
    if len(set(plans.values())) > 1:
        said = ", ".join(f"{who}: {plan}" for who, plan in plans.items())
        yield Finding(
            "servers", "error", f"They do not run one definition: {said}",
            "Start all servers with the same one: answers differ by whom is asked.",
        )  # fmt: skip


class _Version(msgspec.Struct):
    afresh: str
    plan: str
    clock: int


def _asked(address: str, path: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(address.rstrip("/") + path, timeout=TIMEOUT_S) as answer:
            said = json.load(answer)
    except urllib.error.HTTPError as error:
        said = json.loads(error.read())
    if not isinstance(said, dict):
        raise ValueError(f"{said!r} is no answer of a server")
    return said

"""What is wrong with a store is found and named, at a real Valkey."""

from __future__ import annotations

from pathlib import Path

import pytest
from engines import free_port
from pydantic import SecretStr
from tests.conftest import needs_valkey
from tests.valkey_server import Server, valkey_server

from afresh.doctor.store import examine
from afresh.settings import Settings

pytestmark = pytest.mark.engine
SLOW = 20_000
"""ms: a busy machine is no broken one."""


def test_a_sound_store(valkey: Server) -> None:
    found = list(examine(Settings(store=valkey.url, store_timeout=SLOW)))
    assert {f.state for f in found} == {"ok"}
    assert any(f.text.startswith("Valkey 9") for f in found)
    assert any(f.subject == "clocks" for f in found)
    assert any("no append-only file" in f.text for f in found)


def test_a_store_that_keeps_what_it_holds(tmp_path: Path) -> None:
    needs_valkey()
    with valkey_server(tmp_path, "--appendonly", "yes") as server:
        found = list(examine(Settings(store=server.url, store_timeout=SLOW)))
    assert any(f.text == "It has an append-only file" for f in found)


def test_a_store_that_is_not_there() -> None:
    where = f"redis://127.0.0.1:{free_port()}/0"
    (found,) = examine(Settings(store=where, store_timeout=SLOW))
    assert (found.state, "store_timeout" in found.hint) == ("error", True)


def test_a_store_that_evicts(tmp_path: Path) -> None:
    needs_valkey()
    with valkey_server(tmp_path, "--maxmemory-policy", "allkeys-lru") as server:
        found = list(examine(Settings(store=server.url, store_timeout=SLOW)))
    assert any(f.state == "warning" and "allkeys-lru" in f.text for f in found)


def test_a_user_that_may_read_only(tmp_path: Path) -> None:
    needs_valkey()
    user = ["--user", "reader", "on", ">secret", "~afresh:*", "+@read", "+@connection"]
    with valkey_server(tmp_path, *user) as server:
        url = server.url.replace("redis://", "redis://reader@")
        given = {"store": url, "store_password": SecretStr("secret"), "store_timeout": SLOW}
        found = list(examine(Settings(**given)))
        assert found[-1].state == "error"
        assert "refuses us" in found[-1].text
        found = list(examine(Settings(**given, store_write=False)))
        assert {f.state for f in found} == {"ok"}

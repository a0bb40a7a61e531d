"""A real Valkey that is slow, gone, locked, encrypted or a cluster."""

from __future__ import annotations

import os
import signal
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from engines import free_port
from tests.conftest import needs_valkey
from tests.tls_front import tls_front
from tests.valkey_server import Server, valkey_server

from afresh.errors import AfreshError, StorageFull, Unavailable
from afresh.settings import Settings
from afresh.store import EntityStore, Put
from afresh.store.opening import open_store
from afresh.store.redis import Access, RedisStore

pytestmark = pytest.mark.engine
LONG = 60_000
GENEROUS = 20_000


@pytest.fixture(autouse=True)
def _installed() -> None:
    needs_valkey()


def value(version: int, body: bytes = b"") -> bytes:
    return b"12345678" + version.to_bytes(8, "little") + body


def works(store: EntityStore) -> None:
    puts = [Put(f"k{k}".encode(), value(k)) for k in range(40)]
    assert store.put(puts, LONG) == 0
    assert store.get([put.key for put in puts]) == [put.value for put in puts]
    assert store.put([Put(b"k9", value(3))], LONG) == 1
    assert store.get([b"k9", b"none"]) == [value(9), None]
    follows = [Put(b"k9", value(10)), Put(b"k8", value(8)), Put(b"k7", value(9))]
    assert store.advance(follows, LONG) == [True, False, False]
    made = [Put(b"m2", value(2)), Put(b"m1", value(1)), Put(b"k1", b"8765" + value(1)[4:])]
    assert store.advance(made, LONG) == [False, True, True]
    assert store.get([b"k9", b"k8", b"m2", b"m1"]) == [value(10), value(8), None, value(1)]
    for put in (Put(b"k9", value(9)), Put(b"k1", value(1)), Put(b"m1", value(0))):
        store.replace(put, LONG)  # as it was, for the next who tries


def test_nobody_there_is_said_and_not_waited_for() -> None:
    store = RedisStore(Access(f"redis://127.0.0.1:{free_port()}/0"))
    with pytest.raises(Unavailable, match="cannot be reached") as told:
        store.get([b"a"])
    assert "store_timeout" in told.value.hint


def test_it_stops_answering_dies_and_comes_back(tmp_path: Path) -> None:
    with valkey_server(tmp_path) as server:
        patient = RedisStore(Access(server.url, timeout_ms=GENEROUS))
        hasty = RedisStore(Access(server.url, timeout_ms=150))
        works(patient)
        os.kill(server.pid, signal.SIGSTOP)
        try:
            for _ in range(2):
                with pytest.raises(Unavailable):
                    hasty.get([b"a"])
        finally:
            os.kill(server.pid, signal.SIGCONT)
        works(patient)
    with pytest.raises(Unavailable):
        patient.put([Put(b"a", value(1))], LONG)
    with valkey_server(tmp_path, port=server.port):
        works(patient)
        patient.close()


def test_by_its_unix_socket(valkey: Server) -> None:
    store = RedisStore(Access(f"unix://{valkey.socket}", timeout_ms=GENEROUS))
    assert store.get([b"nothing of this name"]) == [None]
    store.close()


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Server]:
    """Users `writer` and `reader`; nobody else gets in."""
    acl = tmp_path / "users.acl"
    acl.write_text(
        "user default off\n"
        "user writer on >secret ~* -@all +get +mget +set +getrange +eval +select +hello\n"
        "user reader on >public ~* -@all +get +mget +select +hello\n"
    )
    with valkey_server(tmp_path, "--aclfile", str(acl)) as server:
        yield server


def test_users_get_in_by_password_and_do_what_they_may(locked: Server) -> None:
    def as_user(name: str, password: str | None) -> RedisStore:
        url = locked.url.replace("127", f"{name}@127", 1) if name else locked.url
        return RedisStore(Access(url, password, timeout_ms=GENEROUS))

    works(as_user("writer", "secret"))
    reader = as_user("reader", "public")
    assert reader.get([b"k9"]) == [value(9)]
    with pytest.raises(Unavailable, match="refuses us"):
        reader.put([Put(b"k9", value(99))], LONG)
    for store in (as_user("writer", "wrong"), as_user("nobody", "secret"), as_user("", None)):
        with pytest.raises(Unavailable, match="refuses us") as told:
            store.get([b"k9"])
        assert "store_password" in told.value.hint
        assert "secret" not in str(told.value)


def test_the_password_stands_in_a_file(locked: Server, tmp_path: Path) -> None:
    file = tmp_path / "password"
    url = locked.url.replace("127", "writer@127", 1)
    settings = Settings(store=url, store_password_file=file, store_timeout=GENEROUS)
    with pytest.raises(AfreshError, match="store_password_file"):
        open_store(settings)
    file.write_text("secret\n")
    works(open_store(settings))


def test_with_tls_only_whom_the_authority_names(tmp_path: Path, valkey: Server) -> None:
    authority, other = trustme.CA(), trustme.CA()
    files = {"ca": tmp_path / "ca.pem", "other": tmp_path / "other.pem"}
    authority.cert_pem.write_to_path(str(files["ca"]))
    other.cert_pem.write_to_path(str(files["other"]))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with tls_front(context, valkey.port) as port:
        url = f"rediss://127.0.0.1:{port}/0"
        works(RedisStore(Access(url, ca=files["ca"], timeout_ms=GENEROUS)))
        for access in (
            Access(url, ca=files["other"], timeout_ms=GENEROUS),
            Access(url, timeout_ms=GENEROUS),
            Access(url.replace("127.0.0.1", "localhost"), ca=files["ca"], timeout_ms=GENEROUS),
            Access(url.replace("rediss", "redis"), timeout_ms=1000),
        ):
            with pytest.raises(Unavailable):
                RedisStore(access).get([b"k9"])
    missing = Access(url, ca=tmp_path / "none.pem", timeout_ms=GENEROUS)
    with pytest.raises(Unavailable):
        RedisStore(missing).get([b"k9"])


def test_on_a_cluster_where_no_two_keys_may_meet(tmp_path: Path) -> None:
    # By itself its second port is 10,000 higher, which may be none.
    options = "--cluster-enabled", "yes", "--cluster-port", str(free_port())
    with valkey_server(tmp_path, *options) as server:
        slots = RedisStore(Access(server.url, timeout_ms=GENEROUS))
        slots._client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        until = time.monotonic() + 20
        while b"cluster_state:ok" not in _info(slots) and time.monotonic() < until:
            time.sleep(0.02)
        with pytest.raises(Unavailable) as told:
            slots.get([b"a", b"b"])
        assert told.value.hint == "Set store_cluster."
        works(RedisStore(Access(server.url, cluster=True, timeout_ms=GENEROUS)))
    gone = RedisStore(Access(server.url, cluster=True, timeout_ms=200))
    with pytest.raises(Unavailable):
        gone.get([b"a"])


def _info(store: RedisStore) -> bytes:
    said = store._client.execute_command("CLUSTER", "INFO")
    return said if isinstance(said, bytes) else str(said).encode()


def test_a_full_store_says_so(tmp_path: Path) -> None:
    with valkey_server(tmp_path, "--maxmemory", "8mb") as server:
        store = RedisStore(Access(server.url, timeout_ms=GENEROUS))
        puts = [Put(f"k{k}".encode(), value(k, bytes(20_000))) for k in range(1000)]
        with pytest.raises(StorageFull, match="full"):
            store.put(puts, LONG)
        assert store.get([b"k0"]) == [puts[0].value]


@pytest.mark.parametrize(
    "url", ["", "http://127.0.0.1", "redis://", "redis://a:b:c/0", "127.0.0.1:6379", "unix"]
)
def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(AfreshError, match="no address") as told:
        RedisStore(Access(url))
    assert "redis://" in told.value.hint


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(AfreshError, match="holds a password") as told:
        RedisStore(Access("redis://ann:hunter2@127.0.0.1:1/0"))
    assert "hunter2" not in str(told.value)

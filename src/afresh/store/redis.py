"""Entity values in Redis or Valkey: one server, or a cluster.

Reading is one MGET; on a cluster, where keys lie on several nodes, one pipeline a node. Writing
is a pipeline of one small script a value: it compares versions and sets in one step in the server,
and touches one key, so it runs on a cluster as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from afresh.errors import AfreshError, MissingDependency, StorageFull, Unavailable
from afresh.store import MARK, VERSION_AT, Put

AT_ONCE = 500
"""Values of one pipeline: what waits in the server's and in our buffers is bounded."""

STEPS = 3
"""A call may wait for a connection, for its log-in, and for the answer; each has its share."""

_PUT = f"""
local held = redis.call('GETRANGE', KEYS[1], 0, {VERSION_AT + 7})
if #held == {VERSION_AT + 8} and string.sub(held, 1, {MARK}) == string.sub(ARGV[1], 1, {MARK})
    and struct.unpack('<I8', held, {VERSION_AT + 1})
    > struct.unpack('<I8', ARGV[1], {VERSION_AT + 1}) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

_ADVANCE = f"""
local held = redis.call('GETRANGE', KEYS[1], 0, {VERSION_AT + 7})
local before = 0
if #held == {VERSION_AT + 8} and string.sub(held, 1, {MARK}) == string.sub(ARGV[1], 1, {MARK}) then
  before = struct.unpack('<I8', held, {VERSION_AT + 1})
end
if struct.unpack('<I8', ARGV[1], {VERSION_AT + 1}) ~= before + 1 then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

_SCHEMES = ("redis", "valkey", "rediss", "valkeys", "unix")


class Access(NamedTuple):
    """How to reach a server. url: `redis://user@host:port/0`, `rediss://` with TLS, or
    `unix:///path`; ca: a file with the certificates to trust, None: those of the system."""

    url: str
    password: str | None = None
    ca: Path | None = None
    cluster: bool = False
    timeout_ms: int = 500


class Node(NamedTuple):
    """What a server says of itself. evicts: its policy when memory is full, empty where it is not
    told; appends: whether it has an append-only file, and clock_ms, UTC: None where not told."""

    name: str
    version: str
    evicts: str
    appends: bool | None
    clock_ms: float | None


class RedisStore:
    """An EntityStore in Redis (6 or newer) or Valkey. Connects at the first call.

    Raises AfreshError for a url that is none, MissingDependency without the extra `redis`.
    """

    def __init__(self, access: Access) -> None:
        self.where = _checked(access.url)
        self._valkey = _library()
        self._cluster = access.cluster
        self._closed = False
        self._access = access
        self._client: Any = None if access.cluster else self._connect()

    def get(self, keys: Sequence[bytes]) -> list[bytes | None]:
        if not keys:
            return []
        with self._translated() as client:
            if not self._cluster:
                found: list[bytes | None] = client.mget(keys)
                return found
            pipe = client.pipeline()
            for key in keys:
                pipe.get(key)
            return list(pipe.execute())

    def put(self, values: Sequence[Put], ttl_ms: int) -> int:
        return len(values) - sum(self._each(_PUT, values, ttl_ms))

    def advance(self, values: Sequence[Put], ttl_ms: int) -> list[bool]:
        return [bool(kept) for kept in self._each(_ADVANCE, values, ttl_ms)]

    def _each(self, script: str, values: Sequence[Put], ttl_ms: int) -> list[int]:
        """What a script of one key says of each value."""
        said: list[int] = []
        for first in range(0, len(values), AT_ONCE):
            with self._translated() as client:
                pipe = client.pipeline() if self._cluster else client.pipeline(transaction=False)
                for key, value in values[first : first + AT_ONCE]:
                    pipe.execute_command("EVAL", script, 1, key, value, ttl_ms)
                said += pipe.execute()
        return said

    def replace(self, value: Put, ttl_ms: int) -> None:
        with self._translated() as client:
            client.set(value.key, value.value, px=ttl_ms)

    def about(self) -> list[Node]:
        """Each node's word of itself; needs the command INFO, which neither reading nor writing
        does. Raises Unavailable."""
        with self._translated() as client:
            said = client.info()
            return [_node(info) for info in (said.values() if self._cluster else [said])]

    def close(self) -> None:
        self._closed = True
        if self._client is not None:
            self._client.close()

    def _connect(self) -> Any:
        access, share = self._access, self._access.timeout_ms / 1000 / STEPS
        options: dict[str, Any] = {"socket_timeout": share, "socket_connect_timeout": share}
        if access.password is not None:
            options["password"] = access.password
        url = access.url
        if urlsplit(url).scheme in ("rediss", "valkeys"):
            options |= {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
            if access.ca is not None:
                options["ssl_ca_certs"] = str(access.ca)
        if self._cluster:
            return self._valkey.ValkeyCluster.from_url(
                url, cluster_error_retry_attempts=1, **options
            )
        return self._valkey.Valkey.from_url(url, **options)

    @contextmanager
    def _translated(self) -> Iterator[Any]:
        """The client; its errors in words for a person."""
        errors = self._valkey.exceptions
        if self._closed:
            raise Unavailable("The store is closed.", hint="Open it again.")
        try:
            if self._client is None:
                self._client = self._connect()
            yield self._client
        except (errors.AuthenticationError, errors.NoPermissionError) as error:
            raise Unavailable(
                f"The store at {self.where} refuses us: {error}.",
                hint="Check the user in `store` and store_password; it needs the commands GET, "
                "MGET, SET, GETRANGE and EVAL.",
            ) from error
        except errors.OutOfMemoryError as error:
            raise StorageFull(
                f"The store at {self.where} is full: {error}.",
                hint="Give it more memory (maxmemory). What is waiting is written then.",
            ) from error
        except (
            errors.ConnectionError,
            errors.TimeoutError,
            errors.ClusterDownError,
            errors.ValkeyClusterException,
        ) as error:
            raise Unavailable(
                f"The store at {self.where} cannot be reached: {str(error).rstrip('.')}.",
                hint="Start it, or check `store` and store_timeout. It is tried again by itself.",
            ) from error
        except (errors.ValkeyError, OSError) as error:
            apart = any(word in str(error) for word in ("MOVED", "CROSSSLOT"))
            hint = "Set store_cluster." if apart else "Is it a Redis, 6 or newer, or a Valkey?"
            raise Unavailable(
                f"The store at {self.where} does not do as asked: {error}.", hint=hint
            ) from error


def _node(info: dict[str, Any]) -> Node:
    is_valkey = "valkey_version" in info
    clock, appends = info.get("server_time_usec"), info.get("aof_enabled")
    return Node(
        "Valkey" if is_valkey else "Redis",
        str(info["valkey_version" if is_valkey else "redis_version"]),
        str(info.get("maxmemory_policy", "")),
        None if appends is None else bool(appends),
        None if clock is None else int(clock) / 1000,
    )


def _checked(url: str) -> str:
    """Where a url points, without anything secret. Raises AfreshError when it is none."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in _SCHEMES and bool(parts.hostname or parts.scheme == "unix")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        known = False
    if not known:
        text = "The setting `store` is no address of a store."
        raise AfreshError(text, hint="Write redis://user@host:6379/0, rediss:// for TLS.")
    if parts.password:
        text = "The setting `store` holds a password."
        raise AfreshError(text, hint="Put it into store_password or store_password_file.")
    return f"{parts.scheme}://{parts.hostname or parts.path}{port}"


def _library() -> Any:
    try:
        import valkey
        import valkey.exceptions
    except ImportError as error:
        raise MissingDependency(
            "A store in Redis or Valkey needs the package valkey, which is not installed.",
            hint="Install it with the extra `redis`: pip install 'afresh[redis]'.",
        ) from error
    return valkey

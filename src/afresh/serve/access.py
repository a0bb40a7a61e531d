"""Who may call: the API key, and which web pages' requests are taken."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from urllib.parse import urlsplit

from afresh.serve.modules import MODULES
from afresh.serve.problem import HttpError
from afresh.settings import Settings, is_loopback

OPEN = frozenset({"/livez", "/readyz", "/version", *MODULES})
"""Routes that need no key: what probes ask, and scripts."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Access:
    """Decides on a request from its headers. site: paths of a page, which need no key.

    Without a key the server trusts this machine, and a browser on it runs other people's
    pages: so a request that names another host (DNS rebinding), or that a page of another
    origin makes to change something, is refused unless that origin is allowed.
    """

    def __init__(self, settings: Settings, site: Iterable[str] = ()) -> None:
        key = settings.key()
        self._open = OPEN.union(site)
        self._key = None if key is None else key.encode()
        self._all = "*" in settings.cors_origins
        self._origins = {origin.rstrip("/").encode() for origin in settings.cors_origins}
        names = [settings.host, *(urlsplit(o).hostname or "" for o in settings.cors_origins)]
        self._names = {name.lower() for name in names if name}
        self._hosts: set[bytes] = set()

    def origin_allowed(self, origin: bytes) -> bool:
        return self._all or origin in self._origins

    def check(self, method: str, path: str, headers: list[tuple[bytes, bytes]]) -> HttpError | None:
        """The refusal, or None."""
        given = host = origin = b""
        for name, value in headers:
            if name == b"host":
                host = value
            elif name == b"origin":
                origin = value
            elif name == b"authorization":
                scheme, _, token = value.partition(b" ")
                given = token.strip() if scheme.lower() == b"bearer" else given
            elif name == b"x-api-key":
                given = value
        if self._key is not None:
            if path not in self._open and not hmac.compare_digest(given, self._key):
                said = "The API key is wrong." if given else "An API key is needed."
                hint = "Send it as: Authorization: Bearer KEY."
                return HttpError(401, "unauthorized", said, hint=hint)
        elif host and host not in self._hosts and not self._knows(host):
            text = f"This server is not {host.decode('latin-1')!r}."
            hint = "Call it by its address, or set an API key."
            return HttpError(403, "unknown_host", text, hint=hint)
        if origin and method not in _SAFE and not self._same_or_allowed(origin, host):
            text = f"Pages from {origin.decode('latin-1')!r} may not call this server."
            return HttpError(403, "unknown_origin", text, hint="Name it in cors_origins.")
        return None

    def _same_or_allowed(self, origin: bytes, host: bytes) -> bool:
        return origin.partition(b"://")[2] == host or self.origin_allowed(origin)

    def _knows(self, host: bytes) -> bool:
        try:
            name = urlsplit(f"//{host.decode('ascii')}").hostname or ""
        except ValueError:
            return False
        known = is_loopback(name) or name in self._names
        if known and len(self._hosts) < 100:
            self._hosts.add(host)
        return known

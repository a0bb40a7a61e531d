"""What listens beyond this machine needs a key."""

from __future__ import annotations

from ipaddress import ip_address

from afresh.errors import AfreshError
from afresh.settings.declared import Settings


def is_loopback(host: str) -> bool:
    """Whether an address or a name means this machine only."""
    if host.rstrip(".").lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_exposure(settings: Settings) -> None:
    """Refuse to listen beyond this machine without an API key."""
    if settings.key() is None and not is_loopback(settings.host):
        raise AfreshError(
            f"Listening on {settings.host} without an API key would let anybody on the network "
            "read and write the log",
            hint="Set AFRESH_API_KEY (or api_key_file), or listen on 127.0.0.1.",
        )

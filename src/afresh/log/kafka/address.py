"""Where the brokers are, and how to log in: the setting `log` and those beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from afresh.errors import AfreshError
from afresh.settings import Settings

SCHEMES = {"kafka": False, "kafka+ssl": True}
"""The schemes of an address, and whether connections are encrypted."""

_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")

_HINT = "Write it as kafka://host:9092,other:9092/shop, or kafka+ssl://… for TLS."


@dataclass(frozen=True, slots=True)
class Address:
    """servers: `host:port,host:port`; prefix: what the names of the topics begin with; options:
    librdkafka's settings for whoever connects."""

    servers: str
    prefix: str
    options: dict[str, Any] = field(default_factory=dict)

    def client(self, must: Mapping[str, Any], **usual: Any) -> dict[str, Any]:
        """The settings of a client: `usual` unless the user says otherwise, `must` in any case."""
        return {**usual, **self.options, **must, "bootstrap.servers": self.servers}


def is_kafka(log: str) -> bool:
    """Whether the setting `log` names brokers."""
    return urlsplit(log).scheme in SCHEMES


def address_of(settings: Settings) -> Address:
    """Raises AfreshError for an address that is none."""
    parts = urlsplit(settings.log)
    prefix = parts.path.strip("/")
    if parts.scheme not in SCHEMES or not parts.netloc or "@" in parts.netloc:
        raise AfreshError(f"log: {settings.log!r} is no address of a Kafka cluster.", hint=_HINT)
    if not _PREFIX.fullmatch(prefix):
        raise AfreshError(
            f"log: {prefix!r} cannot begin the names of topics.",
            hint=f"Letters, digits, '.', '_' and '-'. {_HINT}",
        )
    servers = ",".join(s if ":" in s else f"{s}:9092" for s in parts.netloc.split(","))
    return Address(servers, prefix, options_of(settings, encrypted=SCHEMES[parts.scheme]))


def options_of(settings: Settings, *, encrypted: bool = False) -> dict[str, Any]:
    """How to log in, as the settings say."""
    options: dict[str, Any] = {"client.id": "afresh"}
    user = settings.kafka_user
    options["security.protocol"] = ("SASL_" if user else "") + ("SSL" if encrypted else "PLAINTEXT")
    if user:
        options["sasl.mechanism"] = settings.kafka_mechanism
        options["sasl.username"] = user
        options["sasl.password"] = settings.secret("kafka_password") or ""
    if settings.kafka_ca_file is not None:
        options["ssl.ca.location"] = str(settings.kafka_ca_file)
    return {**options, **settings.kafka_options}

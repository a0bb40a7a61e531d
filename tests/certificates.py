"""Certificates for servers of 127.0.0.1, made for a test run."""

from __future__ import annotations

from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


def certificates(folder: Path) -> tuple[Path, Path]:
    """(a server's key and chain, the authority that vouches for it), in PEM."""
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1", "localhost")
    key = load_pem_private_key(made.private_key_pem.bytes(), None)
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    server, trusted = folder / "server.pem", folder / "authority.pem"
    server.write_bytes(text + b"".join(blob.bytes() for blob in made.cert_chain_pems))
    authority.cert_pem.write_to_path(trusted)
    return server, trusted

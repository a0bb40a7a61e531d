"""Which tests run in the same process: those of a file, and in some folders those of all files.

pytest-xdist's own groups ride on the names of tests, which pytest 9.2 lets nobody change.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from xdist.scheduler import LoadScopeScheduling

SHARING = {
    "demo": "demo",
    "feast": "feast",
    "flink": "runners",
    "kafka_streams": "kafka_streams",
    "mirror": "mirror",
    "runners": "runners",
    "train": "train",
}
"""Folders whose tests share what takes long to start: a shop, a trained model, engines."""


class Together(LoadScopeScheduling):
    """Hands out files, and what `SHARING` puts together, in the order of collection."""

    def _split_scope(self, nodeid: str) -> str:
        file = PurePosixPath(nodeid.split("::", 1)[0])
        return SHARING.get(file.parent.name, str(file))

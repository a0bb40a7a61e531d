"""A hook of mkdocs: every record of docs/design stands in the navigation under its title.

So that adding a record touches no other file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

SECTION = "Design records"


def title(page: Path) -> str:
    """The first heading of a page, else its file name."""
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            return line[2:].strip()
    return page.stem


def on_config(config: Any) -> Any:
    """Called by mkdocs with its configuration before anything is built."""
    folder = Path(config["docs_dir"]) / "design"
    records = [page for page in sorted(folder.glob("*.md")) if page.name != "index.md"]
    for entry in config["nav"]:
        if SECTION in entry:
            entry[SECTION] += [{title(page): f"design/{page.name}"} for page in records]
    return config

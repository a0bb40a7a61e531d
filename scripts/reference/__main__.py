"""Write docs/reference/*.md from the code: `python scripts/reference [--check]`.

With --check nothing is written; the exit status is 1 when a page is out of date.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "reference"
NOTE = "<!-- Written from the code by `make reference`. Change the code, not this page. -->\n\n"
PAGES = ("commands", "settings", "http", "metrics", "errors", "python")


def written(name: str) -> str:
    """One page as it should be."""
    page: str = importlib.import_module(f"page_{name}").page()
    return NOTE + page.strip() + "\n"


def main() -> int:
    """Write or compare every page. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="reference", description="Write docs/reference.")
    parser.add_argument("--check", action="store_true", help="compare only")
    check = parser.parse_args().check
    stale = []
    for name in PAGES:
        text, path = written(name), FOLDER / f"{name}.md"
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(f"docs/reference/{name}.md")
        if not check:
            path.write_text(text, encoding="utf-8")
            print(stale[-1])
    if check and stale:
        print(f"Out of date: {', '.join(stale)}. Run: make reference", file=sys.stderr)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())

"""Write docs/reference/*.md from the code: `python scripts/reference [--check]`.

With --check nothing is written; the exit status is 1 when a page is out of date.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import page_commands
import page_errors
import page_http
import page_metrics
import page_python
import page_settings

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
NOTE = "<!-- Written from the code by `make reference`. Change the code, not this page. -->\n\n"
PAGES = {
    "commands.md": page_commands.page,
    "settings.md": page_settings.page,
    "http.md": page_http.page,
    "metrics.md": page_metrics.page,
    "errors.md": page_errors.page,
    "python.md": page_python.page,
}


def main() -> int:
    """Write or compare every page. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="reference", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare only")
    check = parser.parse_args().check
    stale = []
    for name, page in PAGES.items():
        text, path = NOTE + page().strip() + "\n", FOLDER / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            path.write_text(text, encoding="utf-8")
            print(f"docs/reference/{name}")
    if check and stale:
        print(f"Out of date: {', '.join(stale)}. Run: make reference", file=sys.stderr)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())

from __future__ import annotations

import io

from rich.console import Console

from afresh.demo.bars import Bars


def test_bars_say_how_many_and_how_long() -> None:
    out = io.StringIO()
    with Bars(Console(file=out, width=80)) as bars:
        bars("compile", 0, 1)
        bars("compile", 1, 1)
        for done in (0, 700_000, 1_469_307):
            bars("events", done, 1_469_307)
        bars("something", 0, 0)
    lines = [line for line in out.getvalue().splitlines() if line.strip()]
    assert [line.split()[0] for line in lines] == ["Compiling", "Shopping", "Something"]
    assert "1,469,307 of 1,469,307" in lines[1]
    assert "/s" in lines[1]
    assert max(map(len, lines)) <= 80

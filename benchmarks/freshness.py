"""What freshness is worth: hits against how far the index, or the whole pipeline, is behind.

Clicks of rsc15 in the order of time, the second half asked, by `afresh evaluate --freshness`: the
same questions with the index behind by a minute to a day while the request knows the session,
with everything behind, and with an index that stays as it was. The limit is no lag at all.
`--svg FILE` writes the curves as a plot.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from importlib.resources import files
from pathlib import Path

from afresh.evaluation.charts import WIDTH
from afresh.evaluation.freshness import freshness, lag_named
from afresh.evaluation.run import evaluate
from afresh.evaluation.summary import Summary
from afresh.evaluation.wanted import HOUR_MS, Wanted
from afresh.loading import load
from benchmarks._histories import history
from benchmarks._machine import figure

APP = Path(__file__).parent / "_apps" / "clicks.py"


def plot(found: Summary) -> str:
    """The curves as a file of their own: with the style of the page that `--report` writes."""
    drawn = re.search(r"<svg (.*?)>(.*)</svg>", freshness(found), re.DOTALL)
    assert drawn is not None
    style = files("afresh.evaluation").joinpath("page.css").read_text()
    height = drawn[1].split('viewBox="')[1].split('"')[0].split()[3]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {drawn[1]} width="{WIDTH}">'
        f"<style>{style} text {{ font-family: system-ui, sans-serif }}</style>"
        f'<rect width="{WIDTH}" height="{height}" fill="var(--card)"/>{drawn[2]}</svg>\n'
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Hits against lag.")
    parser.add_argument("--smoke", action="store_true", help="made-up walks, to see that it runs")
    parser.add_argument("--data", type=Path, help="a folder with rsc15-100k")
    parser.add_argument("--sample", type=int, default=6000, metavar="N", help="questions to ask")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="where to draw the curves")
    wanted = parser.parse_args()
    sample = 40 if wanted.smoke else wanted.sample
    with tempfile.TemporaryDirectory() as folder:
        events, missing = history("rsc15", None if wanted.smoke else wanted.data, Path(folder))
        asked = Wanted(
            surface="learned", least=1, sample=sample, learn=200 if wanted.smoke else 20_000
        )
        found = evaluate(load(APP), events, asked, freshness=True)
    if wanted.svg is not None:
        wanted.svg.write_text(plot(found), encoding="utf-8")
    at = {(p.behind, p.lag): p for p in found.curve}
    fresh = at["index", 0].hr.value or 0.0
    late = at["pipeline", HOUR_MS].hr.value or 0.0
    figure(
        "hits_kept_an_hour_behind", late / fresh if fresh else 0.0, "of those without lag",
        must=0.0, aim=0.0, limit={"what": "no lag", "HR@20": fresh},
        curve=[
            {"behind": p.behind, "by": lag_named(p.lag), "HR@20": p.hr.value, "se": p.hr.se,
             "young": p.young.value, "young_se": p.young.se}
            for p in found.curve
        ],
        questions=found.questions, missing=missing,
    )  # fmt: skip


if __name__ == "__main__":
    main()

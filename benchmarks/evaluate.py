"""How good the answers are, by `afresh evaluate` itself, on histories of other people.

Each history is asked under one protocol, by the code that serves, of a definition in
`benchmarks/_apps`. Nothing is computed here: the figures are those of the command. Where the
history has a figure from an independent computation of other methods, it stands beside ours.
Settings were chosen on what comes before the questions alone.

1. rsc15: test-then-learn in time order, the second half asked, two clicks of a session at least;
   HR@20, and of items under a day old. The peer: what trends.
2. diginetica: the given split, the index as at the end of train; HR@20 and MRR@20. And the same
   questions in the order of the file, with index and learned weights a day behind.
3. online-retail: lines of a basket one by one as the file has them, the earlier ones known to the
   request and excluded; HR@20. And whole baskets, before any of their lines is known: whether any
   line is in the list; the peer is what trends.
4. completejourney: lines of a basket in a random order, one by one, as above; HR@20.
5. Beauty, MovieLens-100k: each user's last item, of all that are new to the user; HR@10, NDCG@10.
6. Open Bandit: the value of one policy by the log of the other, against what it earned itself; and
   that the other way round there is a refusal.

On made-up walks, without --data, each has to beat what trends instead. `--sample N` asks N of
the questions of each.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from afresh.evaluation.run import evaluate
from afresh.evaluation.summary import Summary
from afresh.evaluation.wanted import DAY_MS, Wanted
from afresh.loading import load
from benchmarks._bandit import bandit
from benchmarks._histories import history
from benchmarks._machine import figure

APPS = Path(__file__).parent / "_apps"
YOUNG = "young, under 1d"


@dataclass(frozen=True)
class Case:
    """A history, how it is asked, and what must be reached. oracle: of an independent
    computation; seeds: where ties decide much, of each the figure, and then their mean."""

    name: str
    app: str
    wanted: Wanted
    musts: dict[str, float]
    oracle: dict[str, Any]
    test: str | None = None
    seeds: tuple[int, ...] = (1,)


BASKETS = Wanted(surface="basket", ties="shuffled", hide_session=True, sample=8000)
LINES = Wanted(surface="basket", ties="in-order", hide_session=True, sample=8000)
TEST = 906_140.5 / 982_961
"""Where diginetica's test begins: its rows are the last."""
WHOLE = Wanted(surface="blend")
LAST = Wanted(surface="next", protocol="last", ties="shuffled", targets="new", at=(1, 5, 10))
CASES = (
    Case("rsc15", "clicks.py", Wanted(surface="learned", least=1), {"HR@20": 0.66, "young": 0.36},
         {"what": "VMIS-kNN and popularity", "HR@20": 0.642, "young": 0.325}),
    Case("diginetica", "frozen.py", Wanted(surface="learned", protocol="split", least=1),
         {"HR@20": 0.555, "MRR@20": 0.2},
         {"what": "softmax over ten scans", "HR@20": 0.5556, "MRR@20": 0.2013}, "split=test"),
    Case("diginetica_day", "frozen.py",
         Wanted(surface="learned", least=1, warm_up=TEST, model_lag=DAY_MS),
         {"HR@20": 0.57, "MRR@20": 0.205},
         {"what": "softmax over ten scans, 2,000 sessions behind", "HR@20": 0.568, "MRR@20": 0.203},
         "split=test"),
    Case("online_retail", "lists.py", LINES, {"HR@20": 0.33},
         {"what": "VMIS-kNN, popularity and repeats", "HR@20": 0.319}),
    Case("online_retail_whole", "lists.py", WHOLE, {"HR@20": 0.0}, {"what": "what trends"}),
    Case("completejourney", "baskets.py", BASKETS, {"HR@20": 0.21},
         {"what": "VMIS-kNN, popularity and repeats", "HR@20": 0.1687}),
    Case("beauty", "sequences.py", LAST, {"HR@10": 0.09, "NDCG@10": 0.0523},
         {"what": "rules, cosine and two hops; published eSASRec .0928/.0523", "HR@10": 0.091,
          "NDCG@10": 0.0563}),
    Case("ml100k", "movies.py", LAST, {"HR@10": 0.225, "NDCG@10": 0.12},
         {"what": "rules, cosine and two hops", "HR@10": 0.2185, "NDCG@10": 0.1166},
         seeds=(1, 2, 3, 4, 5)),
)  # fmt: skip


def measured(found: Summary, name: str) -> tuple[float, float]:
    """A measure by its name and its standard error; `young` is HR of young items."""
    if name == "young":
        each = next((s for s in found.segments if s.value == YOUNG), None)
        measure = each.scores.measures["HR"][found.wanted.depth] if each else None
    else:
        kind, _, k = name.partition("@")
        measure = found.overall.measures[kind][int(k)]
    if measure is None or measure.value is None:
        return 0.0, 0.0
    return measure.value, measure.se or 0.0


def report(case: Case, runs: list[Summary], peer: Summary, missing: str) -> None:
    found = runs[0]
    recall = found.sources[-1].recall.value
    said = {
        "questions": found.questions, "targets": found.targets, "candidate_recall": recall,
        "lost": msgspec.to_builtins(found.lost[-1]), "learned": found.learned,
        "seconds": found.seconds, "missing": missing,
    }  # fmt: skip
    for name, must in case.musts.items():
        each = [measured(run, name) for run in runs]
        value, se = (sum(part) / len(each) for part in zip(*each, strict=True))
        beaten = measured(peer, name)[0]
        # What must be reached is said of the real history; on another, to beat what trends.
        least = must if must and not missing else beaten
        figure(f"{case.name}_{name.replace('@', '_').lower()}", value, name, must=least, aim=least,
               limit=case.oracle, se=se, trending=beaten,
               seeds=[value for value, _ in each], **said)  # fmt: skip


def run(case: Case, data: Path | None, sample: int | None, folder: Path) -> None:
    events, missing = history(case.name, data, folder)
    app = load(APPS / case.app)
    few = msgspec.structs.replace(case.wanted, sample=sample or case.wanted.sample)
    print(f"{case.name} …", file=sys.stderr, flush=True)
    runs = [
        evaluate(app, events, msgspec.structs.replace(few, seed=seed), test=case.test)
        for seed in case.seeds
    ]
    peer = evaluate(app, events, msgspec.structs.replace(few, surface="trends"), test=case.test)
    report(case, runs, peer, missing)


def main() -> None:
    parser = argparse.ArgumentParser(description="Hits on histories of other people.")
    parser.add_argument("--smoke", action="store_true", help="made-up walks, to see that it runs")
    parser.add_argument("--data", type=Path, help="a folder with the histories")
    parser.add_argument("--sample", type=int, metavar="N", help="questions to ask of each")
    parser.add_argument("--only", help="one history, or bandit")
    wanted = parser.parse_args()
    data = None if wanted.smoke else wanted.data
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            if wanted.only in (None, case.name):
                run(case, data, wanted.sample, Path(folder))
        if wanted.only in (None, "bandit"):
            bandit(data, Path(folder))


if __name__ == "__main__":
    main()

"""Lists that somebody else made, put in order by `rank`: what a ranker learned from them is worth.

Every click on a displayed list is asked about through a runtime as of its moment, with the items as
they were displayed and their prices; then the click itself arrives. When the first of the last 30 %
of the sessions begins, `afresh train` learns from the traces so far and the model is promoted; the
clicks of those sessions are what is judged. `--data FOLDER` with trivago/events.parquet: 4,070
click-outs; without it, made-up visitors. Standard errors are by session.

1. `mrr`: of what `rank` answers. The peers, of the same lists: the order displayed; the rule that
   what the session touched last comes first, then the order displayed; on trivago's lists, an
   independent LambdaMART (.618).
2. `mrr_without_price`: of a model that reads no price, by the columns of the same requests, read
   again.
3. `mrr_order_unseen`: of a model that never reads the order displayed. Clicks follow that order for
   standing high, not for being good, so beside it stands the first model, which has learned what is
   due to the order, when it is told of every item that it stands first.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from afresh.app import App
from afresh.loading import load
from afresh.promoted import FOLDER
from afresh.rank.columns import Columns
from afresh.rank.given import PLACED, number_names
from afresh.rank.registry import Registry
from afresh.rank.trained import Ranker, load_ranker
from afresh.request import Query
from afresh.runtime import Runtime
from afresh.settings import load_settings
from afresh.train.examples import Examples
from afresh.train.impressions import joined, looked_again, read_impressions
from afresh.train.outcomes import read_outcomes
from afresh.train.report import Report
from afresh.train.run import Wanted, trained
from afresh.watch.logging import set_up_logging
from benchmarks._displayed import Done, displayed
from benchmarks._machine import figure, spread

APP = Path(__file__).parent / "_apps" / "shown.py"
SURFACE = "list"
PRICE = (*number_names("price", "paid"), "paid")
NEAR = ("sessions", "rules", "next item", "covisits", "two hops", "cosine")
"""What the columns are called that tell of other people's visits. Within the sessions to learn
from, models that read none of them were better by .002."""
ORDER = PLACED[:3]
"""The columns that the order displayed is in: places, and places from what was touched."""


@dataclass(slots=True)
class Judged:
    """Reciprocal ranks of the clicks that are judged, by order, and whose session each is; ids: of
    each request the session and the rank that was answered; us: what asking took, µs."""

    sessions: list[str] = field(default_factory=list)
    ids: dict[str, tuple[str, float]] = field(default_factory=dict)
    found: dict[str, list[float]] = field(default_factory=dict)
    us: list[float] = field(default_factory=list)

    def add(self, orders: dict[str, list[str]], item: str, session: str) -> None:
        self.sessions.append(session)
        for name, order in orders.items():
            self.found.setdefault(name, []).append(1.0 / (order.index(item) + 1))


class Stream:
    """Brings a history into a runtime, and asks before each click."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime, self.judged = runtime, Judged()
        self._waiting: list[bytes] = []
        self._latest: dict[str, str] = {}

    def __call__(self, done: list[Done], first: int) -> None:
        """first: the number of the first event."""
        for number, each in enumerate(done, first):
            event: dict[str, Any] = {
                "event_id": str(number), "event_type": "look", "timestamp": each.ts,
                "user_id": each.user, "session_id": each.session, "item_id": each.item,
            }  # fmt: skip
            if each.displayed:
                self.flush()
                event["properties"] = {"price": each.price, "request_id": self._asked(each)}
                event["event_type"] = "click"
            self._waiting.append(msgspec.json.encode(event))
            self._latest[each.session] = each.item
        self.flush()

    def _asked(self, each: Done) -> str:
        query = Query(surface=SURFACE, user_id=each.user, session_id=each.session)
        began = time.perf_counter()
        prices = {"price": list(each.prices)}
        answer = self.runtime.rank(query, each.displayed, prices, now=each.ts)
        took = (time.perf_counter() - began) * 1e6
        if each.test:
            latest = self._latest.get(each.session)
            orders = {
                "rank": [item.item_id for item in answer.items],
                "displayed": each.displayed,
                "rule": sorted(each.displayed, key=lambda item: item != latest),
            }
            self.judged.add(orders, each.item, each.session)
            self.judged.ids[answer.request_id] = each.session, self.judged.found["rank"][-1]
            self.judged.us.append(took)
        return answer.request_id

    def flush(self) -> None:
        if self._waiting:
            receipt = self.runtime.ingest(b"\n".join(self._waiting))
            assert not receipt.rejected, receipt.rejected[:3]
            self._waiting.clear()


def mrr(reciprocal: list[float], sessions: list[str]) -> tuple[float, float]:
    """The mean, and its standard error, robust to several clicks of one session."""
    values = np.array(reciprocal)
    whose = np.unique(np.array(sessions), return_inverse=True)[1]
    apart = np.bincount(whose, values - values.mean())
    return float(values.mean()), float(np.sqrt((apart**2).sum()) / len(values))


def learned(app: App, runtime: Runtime, name: str, without: tuple[str, ...] = ()) -> Report:
    runtime.traces.flush()
    names = Columns(app.plan(), app.surfaces[0].inputs).names
    near = tuple(column for column in names if any(part in column for part in NEAR))
    wanted = Wanted(
        surface=SURFACE, name=name, rows_from="impressions", without=near + without, whole=True
    )
    return trained(app, runtime.folder, wanted)


def again(app: App, runtime: Runtime, judged: Judged) -> tuple[Examples, list[str], list[float]]:
    """The columns of the requests that are judged, lists of one item left out, and of each the
    session and the rank that was answered."""
    runtime.traces.flush()
    plan, log = app.plan(), runtime.log
    shown = read_impressions(runtime.folder, SURFACE, log.start, log.end)
    joined(shown, read_outcomes(log, plan, log.end, lambda *said: None))
    asked = [each for each in shown if each.request_id in judged.ids and each.taken]
    examples = looked_again(
        plan, app.surfaces[0], log, asked, runtime.learned_vectors.shelf, rows=10**8, seed=0,
        until=log.end, current=None, progress=lambda *said: None,
    )  # fmt: skip
    sessions, ranks = zip(*(judged.ids[each.request_id] for each in asked), strict=True)
    return examples, list(sessions), list(ranks)


def scored(ranker: Ranker, examples: Examples, x: NDArray[np.float32]) -> list[float]:
    """Reciprocal ranks of what was clicked, by columns x float32[rows, columns]."""
    at = [examples.names.index(name) for name in ranker.columns.names]
    scores, out = ranker(np.ascontiguousarray(x[:, at]), examples.own), []
    for q in range(len(examples)):
        rows = examples.rows(q, q + 1)
        grade = examples.grade[rows][np.argsort(-scores[rows], kind="stable")]
        out.append(1.0 / (int(grade.argmax()) + 1))
    return out


def standing_first(examples: Examples) -> NDArray[np.float32]:
    """The columns, when every item of a list is said to stand at its top."""
    x = examples.x.copy()
    for name in ORDER:
        column = x[:, examples.names.index(name)]
        column[~np.isnan(column)] = 0.0
    return x


def measured(data: Path | None, folder: Path) -> None:
    done, missing = displayed(data)
    app = load(APP)
    settings = load_settings(
        learn_per_second=0, admission_horizon="9999d", request_budget="60s", traces_kept=len(done)
    )
    runtime = Runtime.open(app, folder, settings)
    stream, registry = Stream(runtime), Registry(folder / FOLDER)
    begins = next(at for at, each in enumerate(done) if each.test)
    stream(done[:begins], 0)
    report = learned(app, runtime, "shown")
    for name, without in (("no-price", PRICE), ("no-order", ORDER)):
        learned(app, runtime, name, without)
    registry.promote(SURFACE, "shown", 1)
    runtime.promoted.look()
    print(f"asking the last of {len(done):,} …", file=sys.stderr, flush=True)
    stream(done[begins:], begins)
    examples, sessions, ranks = again(app, runtime, stream.judged)
    runtime.close()
    rankers = {
        name: load_ranker(registry, name, app.plan(), app.surfaces[0].inputs)
        for name in registry.names()
    }
    orders = {name: scored(each, examples, examples.x) for name, each in rankers.items()}
    orders["neutral"] = scored(rankers["shown"], examples, standing_first(examples))
    differ = sum(a != b for a, b in zip(ranks, orders["shown"], strict=True))
    told(stream.judged, orders, sessions, report, differ, missing)


def told(
    judged: Judged, orders: dict[str, list[float]], sessions: list[str], report: Report,
    differ: int, missing: str,
) -> None:  # fmt: skip
    asked = {name: mrr(found, judged.sessions) for name, found in judged.found.items()}
    read = {name: mrr(found, sessions) for name, found in orders.items()}
    value, se = asked["rank"]
    rule, real = asked["rule"][0], not missing
    least = 0.63 if real else rule
    known = {"what": "an independent LambdaMART", "mrr": 0.618 if real else None}
    gain, gain_se = mrr(
        [a - b for a, b in zip(judged.found["rank"], judged.found["rule"], strict=True)],
        judged.sessions,
    )
    figure(
        "mrr", value, "MRR", must=least, aim=least, se=se,
        limit=known, peer={"what": "last touched first, then as displayed", "mrr": asked["rule"]},
        over_the_peer=[gain, gain_se], displayed=asked["displayed"], clicks=len(judged.sessions),
        read_again=read["shown"], read_otherwise=differ, learned_from=report.found,
        trees=report.trees, importance=dict(list(report.importance.items())[:12]),
        us=spread(judged.us, 1), missing=missing,
    )  # fmt: skip
    value, se = read["no-price"]
    figure(
        "mrr_without_price", value, "MRR", must=rule if real else 0.0, aim=rule, se=se,
        limit={"what": "the model that reads prices", "mrr": read["shown"]}, missing=missing,
    )  # fmt: skip
    value, se = read["no-order"]
    figure(
        "mrr_order_unseen", value, "MRR", must=asked["displayed"][0], aim=read["neutral"][0], se=se,
        limit={"what": "the model that reads the order", "mrr": read["shown"]},
        peer={"what": "that model, told that every item stands first", "mrr": read["neutral"]},
        missing=missing,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="A ranker of lists that somebody else made.")
    parser.add_argument(
        "--smoke", action="store_true", help="made-up visitors, to see that it runs"
    )
    parser.add_argument("--data", type=Path, help="a folder with trivago/events.parquet")
    wanted = parser.parse_args()
    set_up_logging(load_settings(log_level="warning"))
    with tempfile.TemporaryDirectory() as name:
        measured(None if wanted.smoke else wanted.data, Path(name))


if __name__ == "__main__":
    main()

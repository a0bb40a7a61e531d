"""Learning from one outcome: a gradient step of the softmax blend, by `Softmax.learn`.

An outcome is a list of 100 candidates with their terms, and which one was taken. The limit reads
the same terms once, as a product with the weights; the peer takes the same step in numpy. What
comes before, scanning and the terms, is measured on the same made-up clicks and stands beside it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from afresh.rank.softmax import Softmax
from afresh.rank.terms import TERMS, terms
from afresh.retrieve.scans import Scans
from benchmarks._clicks import clicks
from benchmarks._machine import figure, spread
from benchmarks.quality import context_of

CANDIDATES = 100
STEPS = 50
"""Steps between two looks at the clock, so that reading it costs nothing."""


class Numpy:
    """The same step, as it is written in numpy."""

    def __init__(self, model: Softmax) -> None:
        self.weights, self.squares = model.weights.copy(), model.squares.copy()
        self.start, self.rates = model.start, model.rates

    def learn(self, x: NDArray[np.float64], chosen: int) -> None:
        scores = x @ self.weights
        p = np.exp(scores - scores.max())
        p /= p.sum()
        p[chosen] -= 1.0
        g = p @ x + self.rates.l2 * (self.weights - self.start)
        self.squares += g * g
        self.weights -= self.rates.rate * g / np.sqrt(self.squares)


def took(work: Callable[[int], object], rounds: int) -> list[float]:
    """µs of one call, for each of `rounds` runs of calls."""
    out = []
    for at in range(rounds):
        began = time.perf_counter()
        for step in range(STEPS):
            work(at * STEPS + step)
        out.append((time.perf_counter() - began) / STEPS * 1e6)
    return out


def prepared(rounds: int) -> dict[str, list[float]]:
    """µs of scanning, and of the terms, for questions of made-up clicks."""
    shop = clicks(None, held=100)
    state, scans = shop.state(), Scans()
    shop.fold(state, 0, shop.train)
    items, now, cases = shop.numbers(state), state.newest + 1, shop.test
    contexts = [
        context_of(items[a : a + n], now) for a, n in zip(cases.first, cases.length, strict=True)
    ]
    found = [scans(state, context) for context in contexts]
    terms(state, contexts[0], found[0])
    n = len(contexts)
    return {
        "scan": took(lambda at: scans(state, contexts[at % n]), rounds),
        "terms": took(lambda at: terms(state, contexts[at % n], found[at % n]), rounds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Learning from one outcome.")
    parser.add_argument("--smoke", action="store_true", help="few rounds, to see that it runs")
    rounds = 10 if parser.parse_args().smoke else 400
    rng = np.random.default_rng(4)
    lists = list(rng.random((200, CANDIDATES, len(TERMS))))
    chosen = rng.integers(CANDIDATES, size=200).tolist()
    model = Softmax()
    plain = Numpy(model)
    model.learn(lists[0], 0, 0, 0)
    plain.learn(lists[0], 0)
    assert np.allclose(model.weights, plain.weights), "the peer takes another step"
    works: dict[str, Callable[[int], object]] = {
        "learn": lambda at: model.learn(lists[at % 200], chosen[at % 200], at, at),
        "limit": lambda at: lists[at % 200] @ model.weights,
        "peer": lambda at: plain.learn(lists[at % 200], chosen[at % 200]),
    }
    each: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(4):
        for name, work in works.items():
            each[name] += took(work, rounds // 4 + 1)
    us = {name: spread(values, 2) for name, values in each.items()}
    figure(
        "learn",
        us["learn"]["p50"],
        "µs",
        must=50.0,
        aim=20.0,
        less=True,
        limit={
            "what": "the product of the same terms with the weights",
            "us": us["limit"],
            "times": round(us["learn"]["p50"] / us["limit"]["p50"], 1),
        },
        peer={
            "what": "the same step in numpy",
            "us": us["peer"],
            "times": round(us["learn"]["p50"] / us["peer"]["p50"], 2),
        },
        us=us["learn"],
        candidates=CANDIDATES,
        terms=len(TERMS),
        before={name: spread(values, 1) for name, values in prepared(rounds // 4 + 1).items()},
        data="made-up terms and clicks",
    )


if __name__ == "__main__":
    main()

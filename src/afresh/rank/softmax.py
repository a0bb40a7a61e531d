"""A softmax over the candidates whose weights are learned from each outcome, online.

The probability that candidate i of a list is the one chosen is exp(w·x_i) over the sum of
the same for all: a multinomial logit (McFadden 1974; in ranking, ListNet, Cao et al., ICML
2007). An outcome moves the weights one step along the gradient of its log-likelihood, with a rate
for each weight that falls with the gradients it has seen (AdaGrad: Duchi, Hazan, Singer, JMLR
2011), as far as it remembers them: after a year of outcomes, the sum of all would leave no step.
The weights begin as the fixed blend, and are drawn back to it by an L2 penalty.

No step moves a weight by more than `rate`, and nobody has more than `per_owner` steps a UTC day:
one person moves no weight by more than rate · per_owner a day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numba
import numpy as np
from numpy.typing import NDArray

from afresh.errors import CorruptData
from afresh.rank.terms import TERMS
from afresh.retrieve.scans import FIXED, SCANS

FORMAT = 1
DAY_MS = 86_400_000
OWNERS = 1 << 16
"""Counters of steps; people who share one share its allowance, so that the bound holds."""

FIRST = {"repeats": 1.0, "preference": 0.5, "text": 0.3, "embeddings": 0.5}
"""The first weights of what sources beside the scans know; of the fixed blend of the scans the best
candidate has some 2.5."""


class Rates(NamedTuple):
    """How to learn. rate: what a step of a weight stays below; caution: squared gradients taken
    as seen before the first; l2: the penalty on half the squared distance from the first
    weights; per_owner: outcomes a person a UTC day; memory: outcomes after which what was seen
    of the gradients counts a third (1/e), so that steps stay long enough to follow people."""

    rate: float = 0.2
    caution: float = 10.0
    l2: float = 1e-4
    per_owner: int = 10
    memory: float = 100_000.0


def first_weights(names: Sequence[str] = TERMS) -> NDArray[np.float64]:
    """The weights before anything was learned: the fixed blend, float64[terms]."""
    fixed = dict(zip(SCANS, FIXED.tolist(), strict=True)) | FIRST
    return np.array([fixed.get(name, 0.0) for name in names])


@numba.njit(cache=True, nogil=True)
def probabilities(x, weights):  # type: ignore[no-untyped-def]
    """softmax(x @ weights): float64[n] of x float64[n, terms]."""
    n, terms = x.shape
    p = np.empty(n)
    greatest = -np.inf
    for i in range(n):
        total = 0.0
        for t in range(terms):
            total += x[i, t] * weights[t]
        p[i] = total
        greatest = max(greatest, total)
    total = 0.0
    for i in range(n):
        p[i] = np.exp(p[i] - greatest)
        total += p[i]
    for i in range(n):
        p[i] /= total
    return p


@numba.njit(cache=True, nogil=True)
def gradient(x, chosen, weights, start, l2):  # type: ignore[no-untyped-def]
    """Of -log p(chosen) + l2/2 · |weights - start|²: float64[terms]."""
    n, terms = x.shape
    p = probabilities(x, weights)
    p[chosen] -= 1.0
    out = l2 * (weights - start)
    for i in range(n):
        for t in range(terms):
            out[t] += p[i] * x[i, t]
    return out


@numba.njit(cache=True, nogil=True)
def _learn(x, chosen, weights, squares, start, rates, steps, owner):  # type: ignore[no-untyped-def]
    if steps[owner] >= rates.per_owner:
        return False
    steps[owner] += 1
    g = gradient(x, chosen, weights, start, rates.l2)
    for t in range(len(weights)):
        squares[t] -= (squares[t] - rates.caution) / rates.memory
        squares[t] += g[t] * g[t]
        if squares[t] > 0.0:
            weights[t] -= rates.rate * g[t] / np.sqrt(squares[t])
    return True


class Softmax:
    """The weights, and the learner that moves them; one thread at a time.

    weights, squares: float64[terms]; squares are the sums of squared gradients so far.
    outcomes: how many were learned from.
    """

    def __init__(
        self,
        weights: NDArray[np.float64] | None = None,
        *,
        names: Sequence[str] = TERMS,
        rates: Rates | None = None,
    ) -> None:
        self.names = tuple(names)
        self.rates = rates or Rates()
        self.start = first_weights(names) if weights is None else weights.astype(np.float64)
        self.weights = self.start.copy()
        self.squares = np.full(len(self.names), self.rates.caution, np.float64)
        self.outcomes = 0
        self._day = -1
        self._steps = np.zeros(OWNERS, np.int32)

    def score(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability of each candidate: float64[n] of terms x float64[n, k], the first k."""
        return np.asarray(probabilities(x, self.weights[: x.shape[1]]))

    def learn(self, x: NDArray[np.float64], chosen: int, owner: int, now: int) -> bool:
        """Learn that candidate `chosen` was taken from a list with terms x float64[n, k], the
        first k; what the list does not tell of is not learned.

        owner: whose choice it was, a number that a person keeps through a UTC day; now: UTC ms.
        False: this person's outcomes of the day are used up, and nothing was learned.
        """
        if now // DAY_MS > self._day:
            self._day = now // DAY_MS
            self._steps[:] = 0
        k = x.shape[1]
        learned = bool(
            _learn(
                x, chosen, self.weights[:k], self.squares[:k], self.start[:k], self.rates,
                self._steps, owner % OWNERS,
            )
        )  # fmt: skip
        self.outcomes += learned
        return learned

    def explain(self, x: NDArray[np.float64]) -> dict[str, float]:
        """What each term of one candidate, float64[terms], adds to its score; by weight."""
        parts = x * self.weights
        order = np.argsort(-np.abs(parts), kind="stable")
        return {self.names[t]: float(parts[t]) for t in order if parts[t] != 0.0}

    def to_record(self) -> dict[str, Any]:
        """The weights as plain data, to be written into the log."""
        columns = {"weights": self.weights, "squares": self.squares, "start": self.start}
        return {
            "format": FORMAT,
            "scorer": "softmax",
            "outcomes": self.outcomes,
            "rates": self.rates._asdict(),
            "terms": {
                name: {column: float(values[t]) for column, values in columns.items()}
                for t, name in enumerate(self.names)
            },
        }

    @classmethod
    def in_force(cls, record: bytes) -> Softmax:
        """The weights of a record as the log has it; of none, b"", the first ones."""
        return cls.from_record(msgspec.json.decode(record)) if record else cls()

    @classmethod
    def from_record(cls, record: Mapping[str, Any], *, names: Sequence[str] = TERMS) -> Softmax:
        """The weights of a record. Terms that it does not name begin as they always do; what it
        names beyond is passed over. Raises CorruptData when it is no such record."""
        try:
            if record["format"] != FORMAT or record["scorer"] != "softmax":
                raise ValueError(f"format {record['format']} of {record['scorer']}")
            made = cls(names=names, rates=Rates(**record["rates"]))
            made.outcomes = int(record["outcomes"])
            for t, name in enumerate(made.names):
                if (said := record["terms"].get(name)) is not None:
                    made.weights[t] = said["weights"]
                    made.squares[t] = said["squares"]
                    made.start[t] = said["start"]
            if not np.isfinite([made.weights, made.squares, made.start]).all():
                raise ValueError("a weight is no number")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CorruptData(f"A record of weights cannot be read: {error!r}") from error
        return made

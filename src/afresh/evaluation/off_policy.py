"""Off-policy: what a policy would have earned, by another's log of known propensities.

A row of the log is one choice: an item, the probability `propensity` that it was chosen, and the
reward. A policy π gives every item a probability, where its table has more columns of the log,
such as the position or a segment, apart for each of their values. With w = π / propensity:

    IPS    mean of w · r (Horvitz, Thompson, JASA 1952)
    SNIPS  Σ w · r / Σ w (Swaminathan, Joachims, NeurIPS 2015)
    DR     mean of Σ_a π(a) q(a) + w · (r - q) (Dudík, Langford, Li, ICML 2011), where q, an item's
           mean reward drawn to that of all, is of the other folds (Chernozhukov et al. 2018)

Few choices that both policies make say little about the one from the other, however long the log:
(Σ w)² / Σ w² effective samples (Kish 1965). Below `LEAST` there is no estimate, but a refusal. And
where the log has a chance of all that the policy would do, w is 1 on average: where w is not, there
is none either.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from afresh.evaluation.logged import Policy, read_logged, read_policy
from afresh.evaluation.ranked import Judged

LEAST = 1000.0
"""Effective samples below which an estimate is refused."""
UNSUPPORTED = 0.01
"""Probability on items that the log never chose above which an estimate is refused."""
OFF_BY, FAR = 0.01, 4.0
"""How far from 1, and standard errors beyond that, the mean weight may be."""
FOLDS = 5
PRIOR = 100.0
"""Rows at the mean of all that an item's mean reward is drawn to it by."""

Values = NDArray[np.float64]


class Estimate(msgspec.Struct, frozen=True):
    """The reward a choice that a policy would have earned; low and high: 95 %."""

    name: str
    value: float
    se: float
    low: float
    high: float


class OffPolicy(msgspec.Struct, frozen=True):
    """rows: choices logged; logged_value: their mean reward; effective: effective samples;
    mean_weight: of w, near 1 where the propensities are right; unsupported: the policy's
    probability on items that the log never chose there. refused: why there is no estimate. model:
    the trained ranker whose order the policy's is, null where there is none."""

    policy: str
    logged: str
    rows: int
    rewards: float
    logged_value: float
    effective: float
    mean_weight: float
    greatest_weight: float
    unsupported: float
    estimates: list[Estimate]
    refused: str | None
    model: Judged | None = None


def estimated(
    policy: str, logged: Path, *, reward: str = "reward", least: float = LEAST, seed: int = 1
) -> OffPolicy:
    """The value of a policy, a file of probabilities or "uniform", on the log of another.

    Raises BadRequest when a file is not as described in `logged`.
    """
    log = read_logged(logged, reward)
    return valued(read_policy(policy, log), log, said=policy, logged=logged, least=least, seed=seed)


def valued(
    given: Policy, log: pl.DataFrame, *, said: str, logged: Path, least: float = LEAST,
    seed: int = 1, model: Judged | None = None,
) -> OffPolicy:  # fmt: skip
    """The value of a policy on a log that was read. said, logged: what they are called; model: the
    trained ranker of which the policy is, if one's."""
    weights = _weights(log, given)
    rewards = log["reward"].to_numpy()
    effective = float(weights.sum() ** 2 / max((weights**2).sum(), 1e-300))
    unsupported = _unsupported(log, given)
    refused = _refusal(effective, least, unsupported, weights)
    made: list[Estimate] = []
    if refused is None:
        direct, guess = _modelled(log, given, seed)
        value = weights @ rewards / weights.sum()
        made = [
            _estimate("IPS", weights * rewards),
            _estimate("SNIPS", value + weights * (rewards - value) / weights.mean()),
            _estimate("DR", direct + weights * (rewards - guess)),
        ]
    return OffPolicy(
        policy=said,
        logged=str(logged),
        rows=log.height,
        rewards=float(rewards.sum()),
        logged_value=round(float(rewards.mean()), 6),
        effective=round(effective, 1),
        mean_weight=round(float(weights.mean()), 4),
        greatest_weight=round(float(weights.max()), 2),
        unsupported=round(unsupported, 6),
        estimates=made,
        refused=refused,
        model=model,
    )


def _refusal(effective: float, least: float, unsupported: float, weights: Values) -> str | None:
    if effective < least:
        return (
            f"{effective:,.0f} effective samples are fewer than {least:,.0f}: the log seldom chose "
            "what this policy would. Log with more exploration, or ask of a policy nearer to it."
        )
    if unsupported > UNSUPPORTED:
        return (
            f"{unsupported:.1%} of the policy's choices are items that the log never chose there: "
            "nothing is known of them."
        )
    mean, error = float(weights.mean()), float(weights.std() / len(weights) ** 0.5)
    if abs(mean - 1) > OFF_BY + FAR * error:
        return (
            f"The weights are {mean:.3f} on average, and 1 where a log has a chance of everything "
            "that the policy would do: its propensities are wrong, or at some choices what the "
            "policy would do had none."
        )
    return None


def _estimate(name: str, each: Values) -> Estimate:
    """The mean of float64[rows], and the interval of a normal mean."""
    value, se = float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each)))
    said = (round(v, 6) for v in (value, se, value - 1.96 * se, value + 1.96 * se))
    return Estimate(name, *said)


def _weights(log: pl.DataFrame, policy: Policy) -> Values:
    """π / propensity of each row: float64[rows]."""
    keys = [*policy.context, "item_id"]
    joined = log.join(policy.table, on=keys, how="left", maintain_order="left")
    probability = joined["probability"].fill_null(0.0).to_numpy()
    return np.asarray(probability / log["propensity"].to_numpy())


def _unsupported(log: pl.DataFrame, policy: Policy) -> float:
    """The policy's probability on what the log never chose, by how often each context came."""
    missing = policy.table.join(log, on=[*policy.within, "item_id"], how="anti")
    if not policy.context:
        return float(missing["probability"].sum())
    mass = missing.group_by(policy.context).agg(pl.col("probability").sum())
    each = log.join(mass, on=policy.context, how="left")["probability"].fill_null(0.0)
    return float(each.to_numpy().mean())


def _modelled(log: pl.DataFrame, policy: Policy, seed: int) -> tuple[Values, Values]:
    """What the model of rewards says of the policy in each row, and of the row's own item:
    float64[rows] each. Every row is judged by a model that was not made from it."""
    fold = np.random.default_rng(seed).integers(0, FOLDS, log.height)
    direct, guess = np.empty(log.height), np.empty(log.height)
    for at in range(FOLDS):
        here = pl.Series(fold == at)
        rest = log.filter(~here)
        base = float(rest["reward"].to_numpy().mean())
        model = rest.group_by("item_id").agg(
            ((pl.col("reward").sum() + PRIOR * base) / (pl.len() + PRIOR)).alias("q")
        )
        rows = log.filter(here)
        own = rows.join(model, on="item_id", how="left", maintain_order="left")["q"]
        guess[fold == at] = own.fill_null(base).to_numpy()
        worth = policy.table.join(model, on="item_id", how="left").with_columns(
            (pl.col("probability") * pl.col("q").fill_null(base)).alias("worth")
        )
        if policy.context:
            values = worth.group_by(policy.context).agg(pl.col("worth").sum())
            said = rows.join(values, on=policy.context, how="left", maintain_order="left")
            direct[fold == at] = said["worth"].fill_null(0.0).to_numpy()
        else:
            direct[fold == at] = float(worth["worth"].sum())
    return direct, guess

"""Off-policy estimates against what the policy earned itself, on Open Bandit.

Real are the logs of a folder given with --data, in open-bandit/events.parquet: two policies, three
campaigns. Without it, made-up choices of which the truth is known.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from afresh.evaluation.off_policy import estimated
from benchmarks._machine import figure


def bandit(data: Path | None, folder: Path) -> None:
    """Print how far each estimate is from what the policy earned, in standard errors."""
    path = (data or Path()) / "open-bandit" / "events.parquet"
    real = data is not None and path.exists()
    choices = pl.read_parquet(path) if real else _made()
    missing = "" if real else f"open-bandit/events.parquet ({data or 'no folder was given'})"
    for campaign in choices["campaign"].cast(pl.String).unique().sort().to_list():
        here = choices.filter(pl.col("campaign").cast(pl.String) == campaign)
        logs = {name: _log(here, name) for name in ("random", "bts")}
        for name, log in logs.items():
            log.write_parquet(folder / f"{name}.parquet")
        _probabilities(logs["bts"]).write_parquet(folder / "policy.parquet")
        found = estimated(str(folder / "policy.parquet"), folder / "random.parquet")
        back = estimated("uniform", folder / "bts.parquet")
        clicks = logs["bts"]["reward"].to_numpy()
        earned, error = float(clicks.mean()), float(clicks.std() / len(clicks) ** 0.5)
        off = {
            each.name: abs(each.value - earned) / float(np.hypot(each.se, error))
            for each in found.estimates
        }
        figure(
            f"bandit_{campaign}_off", max(off.values(), default=99.0), "standard errors",
            must=2.0, aim=1.0, less=True, limit={"what": "earned by itself", "value": earned},
            estimates=msgspec.to_builtins(found), refused=back.refused,
            effective_the_other_way=back.effective, missing=missing,
        )  # fmt: skip


def _log(choices: pl.DataFrame, policy: str) -> pl.DataFrame:
    return choices.filter(pl.col("policy").cast(pl.String) == policy).select(
        pl.col("item").cast(pl.String).alias("item_id"),
        "position",
        "propensity",
        pl.col("click").alias("reward"),
    )


def _probabilities(log: pl.DataFrame) -> pl.DataFrame:
    """How often a policy chose each item at each position."""
    counted = log.group_by("position", "item_id").len()
    share = pl.col("len") / pl.col("len").sum().over("position")
    return counted.with_columns(share.alias("probability")).drop("len")


def _made(n: int = 6000, items: int = 10) -> pl.DataFrame:
    """Choices of an even policy and of one that likes the first items."""
    rng, out = np.random.default_rng(3), []
    worth = np.linspace(0.3, 0.05, items)
    liked = np.linspace(2, 1, items) / np.linspace(2, 1, items).sum()
    for policy, chances in (("random", np.full(items, 1 / items)), ("bts", liked)):
        item = rng.choice(items, n, p=chances)
        out.append(
            pl.DataFrame(
                {
                    "policy": [policy] * n, "campaign": ["made"] * n, "item": item,
                    "position": rng.integers(1, 4, n), "propensity": chances[item],
                    "click": (rng.random(n) < worth[item]).astype(np.int8),
                }
            )
        )  # fmt: skip
    return pl.concat(out)

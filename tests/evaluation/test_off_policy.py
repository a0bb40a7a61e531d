"""Off-policy estimates of a value that is known, and when there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from afresh.errors import BadRequest
from afresh.evaluation.off_policy import estimated

WORTH = np.array([0.4, 0.2, 0.1, 0.05])
LIKED = np.array([0.6, 0.2, 0.1, 0.1])


def log(path: Path, chances: np.ndarray, n: int = 5000, seed: int = 1, **more: object) -> Path:  # type: ignore[type-arg]
    rng = np.random.default_rng(seed)
    item = rng.choice(len(chances), n, p=chances)
    frame = pl.DataFrame(
        {
            "item_id": [f"i{i}" for i in item], "propensity": chances[item],
            "reward": (rng.random(n) < WORTH[item]).astype(np.float64),
        }
    )  # fmt: skip
    frame.with_columns(**{k: pl.Series(v) for k, v in more.items()}).write_parquet(path)  # type: ignore[arg-type]
    return path


def policy(path: Path, chances: np.ndarray = LIKED) -> str:  # type: ignore[type-arg]
    names = [f"i{i}" for i in range(len(chances))]
    pl.DataFrame({"item_id": names, "probability": chances}).write_csv(path)
    return str(path)


def test_every_estimator_is_near_what_the_policy_would_earn(tmp_path: Path) -> None:
    even = np.full(4, 0.25)
    found = estimated(policy(tmp_path / "p.csv"), log(tmp_path / "log.parquet", even))
    true = float(WORTH @ LIKED)
    assert [each.name for each in found.estimates] == ["IPS", "SNIPS", "DR"]
    for each in found.estimates:
        assert abs(each.value - true) < 3 * each.se
        assert each.low < each.value < each.high
    ips, snips, dr = found.estimates
    assert dr.se <= snips.se <= ips.se  # what a model and the weights' own mean are for
    assert found.effective == pytest.approx(5000 / (4 * (LIKED**2).sum()), rel=0.05)
    assert found.mean_weight == pytest.approx(1, abs=0.05)


def test_intervals_hold_the_truth_about_as_often_as_they_say(tmp_path: Path) -> None:
    true, held = float(WORTH @ LIKED), 0
    for seed in range(40):
        path = log(tmp_path / "log.parquet", np.full(4, 0.25), seed=seed)
        found = estimated(policy(tmp_path / "p.csv"), path).estimates[2]
        held += found.low <= true <= found.high
    assert held >= 34  # 38 are to be expected


def test_few_effective_samples_are_a_refusal(tmp_path: Path) -> None:
    shy = np.array([0.001, 0.333, 0.333, 0.333])
    found = estimated(policy(tmp_path / "p.csv"), log(tmp_path / "log.parquet", shy))
    assert found.estimates == []
    assert found.refused is not None
    assert "effective samples" in found.refused


def test_what_the_log_never_chose_is_a_refusal(tmp_path: Path) -> None:
    three = np.array([0.0, 0.4, 0.3, 0.3])
    path = log(tmp_path / "log.parquet", three)
    near = policy(tmp_path / "p.csv", np.array([0.05, 0.35, 0.3, 0.3]))
    found = estimated(near, path)
    assert found.unsupported == pytest.approx(0.05)
    assert found.refused is not None
    assert "never chose" in found.refused


def test_propensities_that_are_not_those_of_the_log_are_a_refusal(tmp_path: Path) -> None:
    path = log(tmp_path / "log.parquet", np.full(4, 0.25))
    frame = pl.read_parquet(path)
    for share, refused in ((1.0, False), (0.5, True), (2.0, True)):
        frame.with_columns(pl.col("propensity") * share).write_parquet(path)
        found = estimated(policy(tmp_path / "p.csv"), path)
        assert found.mean_weight == pytest.approx(1 / share, rel=0.05)
        assert (found.estimates == []) == refused
        assert ("on average, and 1 where" in str(found.refused)) == refused


def test_a_policy_may_differ_by_what_it_shares_with_the_log(tmp_path: Path) -> None:
    rng, n = np.random.default_rng(6), 8000
    item, place = rng.integers(0, 2, n), rng.integers(0, 2, n)
    reward = (item == place).astype(float)  # each item is right in its own place
    frame = pl.DataFrame({"item_id": item, "place": place, "propensity": 0.5, "won": reward})
    frame.write_parquet(tmp_path / "log.parquet")
    table = [(p, i, 0.9 if p == i else 0.1) for p in range(2) for i in range(2)]
    pl.DataFrame(table, schema=["place", "item_id", "probability"], orient="row").write_parquet(
        tmp_path / "policy.parquet"
    )
    found = estimated(str(tmp_path / "policy.parquet"), tmp_path / "log.parquet", reward="won")
    assert all(abs(each.value - 0.9) < 3 * each.se for each in found.estimates)
    uniform = estimated("uniform", tmp_path / "log.parquet", reward="won")
    assert uniform.estimates[0].value == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("chances", "says"),
    [(np.array([0.5, 0.1, 0.1, 0.1]), "add up to 1"), (np.array([1.2, -0.2]), "add up to 1")],
)
def test_a_policy_that_is_none(tmp_path: Path, chances: np.ndarray, says: str) -> None:  # type: ignore[type-arg]
    path = log(tmp_path / "log.parquet", np.full(4, 0.25), n=50)
    with pytest.raises(BadRequest, match=says):
        estimated(policy(tmp_path / "p.csv", chances), path)


def test_a_log_without_what_is_needed_says_what(tmp_path: Path) -> None:
    path = log(tmp_path / "log.parquet", np.full(4, 0.25), n=50)
    with pytest.raises(BadRequest, match="no column 'click', the reward") as error:
        estimated("uniform", path, reward="click")
    assert "propensity" in error.value.hint
    pl.read_parquet(path).with_columns(propensity=pl.lit(0.0)).write_parquet(path)
    with pytest.raises(BadRequest, match="propensity that is none"):
        estimated("uniform", path)
    good = log(tmp_path / "good.parquet", np.full(4, 0.25), n=50)
    with pytest.raises(BadRequest, match="There is no file"):
        estimated("unifrom", good)

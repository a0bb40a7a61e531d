"""What cannot be learned from is refused, with what to do."""

from __future__ import annotations

import numpy as np
import pytest

from afresh.errors import AfreshError
from afresh.train.examples import Examples
from afresh.train.refusals import LEAST, check_enough, check_leaks, telling_columns

NAMES = ("ours", "views", "constant", "missing")


def examples(questions: int, *, taken: int = 1, each: int = 5) -> Examples:
    """Questions with `each` candidates, of which the first `taken` were taken."""
    rng = np.random.default_rng(0)
    n = questions * each
    x = rng.random((n, len(NAMES))).astype(np.float32)
    x[:, 2], x[:, 3] = 7.0, np.nan
    grade = np.tile(np.arange(each) < taken, questions).astype(np.int32)
    return Examples(
        NAMES, x, grade, np.arange(questions + 1) * each, np.arange(questions),
        np.full(questions, taken > 0), np.ones(questions, np.int32),
        np.zeros(questions, np.bool_), np.zeros(questions, np.bool_),
        np.zeros(questions, np.int64), {}, np.ones(n), [0.0, 1.0],
    )  # fmt: skip


def test_too_few_outcomes_are_counted() -> None:
    check_enough(examples(LEAST))
    with pytest.raises(AfreshError, match=f"{LEAST - 1} have their answer") as caught:
        check_enough(examples(LEAST - 1))
    assert "afresh import" in caught.value.hint
    with pytest.raises(AfreshError, match="0 have their answer"):
        check_enough(examples(500, taken=0))


def test_one_class_is_refused() -> None:
    with pytest.raises(AfreshError, match="nothing to tell apart"):
        check_enough(examples(LEAST, taken=5))


def test_columns_that_never_differ_are_left_out_and_without_others_refused() -> None:
    asked = examples(LEAST)
    assert telling_columns(asked, LEAST).tolist() == [0, 1]
    asked.x[:, :2] = 1.0
    with pytest.raises(AfreshError, match="Every feature is the same"):
        telling_columns(asked, LEAST)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_feature_that_knows_its_answer_is_refused_by_name(sign: int) -> None:
    asked = examples(LEAST)
    check_leaks(asked, {"views", "constant", "missing"}, LEAST)
    asked.x[:, 1] = sign * (asked.grade + asked.x[:, 0] / 2)
    with pytest.raises(AfreshError, match="'views' knows its own answer"):
        check_leaks(asked, {"views"}, LEAST)
    check_leaks(asked, set(), LEAST)


def test_a_feature_that_is_only_good_is_not_refused() -> None:
    asked = examples(LEAST)
    asked.x[:, 1] = asked.grade
    asked.x[: 5 * 10, 1] = 0.0  # a tenth of the questions
    check_leaks(asked, {"views"}, LEAST)


def test_a_feature_that_is_missing_but_for_what_was_taken_knows_it() -> None:
    asked = examples(LEAST)
    asked.x[:, 3] = np.where(asked.grade > 0, 1.0, np.nan)
    with pytest.raises(AfreshError, match="'missing' knows its own answer"):
        check_leaks(asked, {"missing"}, LEAST)

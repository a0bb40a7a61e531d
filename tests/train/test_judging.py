"""Measures of an order, against ones worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.train.test_refusals import examples

from afresh.train.judging import calibration, judged, segments


def test_ranks_become_hits_and_reciprocals() -> None:
    asked = examples(3, each=30)
    scores = np.zeros(90)
    scores[0] = 1.0  # the first question: rank 1
    scores[31:35] = 1.0  # the second: four stand before it
    scores[61:] = 1.0  # the third: last
    found = judged(asked, 0, 3, scores)
    assert found.hit.tolist() == [1, 1, 0]
    assert found.reciprocal.tolist() == [1, 0.2, 0]
    assert found.gain.tolist() == pytest.approx([1, 1 / math.log2(6), 0])
    every = found.of(np.ones(3, np.bool_))
    assert (every.questions, every.hr, every.mrr) == (3, 0.6667, 0.4)
    assert found.of(np.zeros(3, np.bool_)).questions == 0


def test_ties_stand_as_the_surface_has_them_and_a_part_of_the_rows_will_do() -> None:
    asked = examples(4, each=3)
    asked.grade[9:] = 0, 0, 1
    found = judged(asked, 2, 4, np.zeros(6))
    assert found.reciprocal.tolist() == [1, pytest.approx(1 / 3)]


def test_an_answer_that_is_no_candidate_is_missed_and_a_lesser_one_is_no_hit() -> None:
    asked = examples(2, each=3)
    asked.gains = [0.0, 1.0, 5.0]
    asked.found[0] = False
    asked.wanted[1] = 2  # the weightiest was not among the candidates, a lesser one was
    found = judged(asked, 0, 2, np.zeros(6))
    assert found.hit.tolist() == [0, 0]
    assert found.gain[0] == 0
    assert found.gain[1] == pytest.approx(1 / 5)


def test_segments_are_parts_of_the_questions() -> None:
    asked = examples(4)
    asked.length[:] = 0, 1, 3, 4
    asked.repeat[1] = True
    said = {name: which.tolist() for name, which in segments(asked, 1, 4).items()}
    assert said["repeats"] == [True, False, False]
    assert said["new items"] == [False, True, True]
    assert said["short visits"] == [True, True, False]
    assert said["long visits"] == [False, False, True]
    assert "first action of a visit" not in said


def test_probabilities_that_are_right_are_calibrated() -> None:
    asked = examples(2000, each=4)
    rng = np.random.default_rng(1)
    odds = np.array([0.4, 0.3, 0.2, 0.1])
    asked.grade[:] = 0
    asked.grade.reshape(-1, 4)[np.arange(2000), rng.choice(4, 2000, p=odds)] = 1
    right = calibration(asked, 0, 2000, np.tile(np.log(odds), 2000))
    wrong = calibration(asked, 0, 2000, np.tile(np.log(odds[::-1]), 2000))
    assert right.error < 0.02 < 0.1 < wrong.error
    assert len(right.bins) == 10

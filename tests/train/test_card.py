"""The model card says what the manifest and the report say, and what follows from them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest

from afresh.errors import CorruptData
from afresh.promoted import FOLDER
from afresh.rank.manifest import Manifest
from afresh.rank.registry import MODEL, Registry
from afresh.train.card import CARD, NOTHING, card
from afresh.train.caveats import DAY_MS, FEW, caveats
from afresh.train.judging import Measures
from afresh.train.report import OURS, REPORT, Report

HEADINGS = [
    "Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data",
    "Quantitative analyses", "Ethical considerations", "Caveats and recommendations",
]  # fmt: skip
"""Of Mitchell et al. 2019, figure 1, in its order."""


@pytest.fixture
def manifest(learned: tuple[Path, Report]) -> Manifest:
    return Registry(learned[0] / FOLDER).manifest("first")


def changed(report: Report, **said: object) -> Report:
    return msgspec.structs.replace(report, **said)


def test_it_lies_beside_the_model_with_the_headings_and_figures(
    learned: tuple[Path, Report], manifest: Manifest
) -> None:
    folder, report = learned
    _, files = Registry(folder / FOLDER).read("first")
    text = files[CARD].decode()
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == HEADINGS
    for name, each in report.overall.items():
        said = f"| {name} | {each.hr:.4f} ± {each.hr_se:.4f} | {each.mrr:.4f} ± {each.mrr_se:.4f} |"
        assert said in text
    for segment, found in report.segments.items():
        assert f"| {segment} | {next(iter(found.values())).questions:,} |" in text
        assert f"| {segment} | {OURS} |" in text
    assert f"{manifest.data.first:,} to {manifest.data.end:,}" in text
    assert f"differ by {report.calibration.error:.4f}" in text
    name, gain = next(iter(report.importance.items()))
    assert f"| `{name}` | {gain:.1%} |" in text
    for column in (*[c.name for c in manifest.columns], *report.constant):
        assert f"`{column}`" in text
    for file in (MODEL, REPORT):
        assert f"| SHA-256 of `{file}` | `{hashlib.sha256(files[file]).hexdigest()}` |" in text
    for library, version in manifest.versions.items():
        assert f"{library} {version}" in text
    assert "Mitchell" in text
    # Made again of the manifest and the report it is the same.
    sums = {file: manifest.files[file] for file in (MODEL, REPORT)}
    assert card(manifest, report, sums) == text


def test_a_card_that_was_changed_is_found_out(folder: Path) -> None:
    place = folder / FOLDER / "first" / CARD
    place.write_text(place.read_text().replace("± 0", "± 1"))
    with pytest.raises(CorruptData, match=r"card\.md is not what was written"):
        Registry(folder / FOLDER).read("first")


def test_what_it_learned_from_decides_what_it_is_not_for(
    learned: tuple[Path, Report], manifest: Manifest
) -> None:
    report = learned[1]
    said = "\n".join(caveats(manifest, report))
    assert "not unbiased by position" in said
    other = "\n".join(caveats(manifest, changed(report, rows_from="impressions")))
    assert "not unbiased by position" not in other
    assert "of what was never shown it knows nothing" in other
    full = changed(report, found=report.questions, late=0, constant=[])
    said = "\n".join(caveats(manifest, full))
    assert "was no candidate" not in said
    assert "too late" not in said
    assert "the same everywhere" not in said
    missed = "\n".join(caveats(manifest, changed(full, found=full.questions - 3, late=7)))
    assert f"Of 3 of {full.questions:,} questions the answer was no candidate" in missed
    assert "7 outcomes came too late" in missed
    data = manifest.data
    for days, shown in ((364, True), (365, False)):
        end = data.min_ts + days * DAY_MS
        old = msgspec.structs.replace(manifest, data=msgspec.structs.replace(data, max_ts=end))
        assert ("such as a season" in "\n".join(caveats(old, report))) == shown


def test_segments_with_few_questions_and_orders_ahead_are_named(
    learned: tuple[Path, Report], manifest: Manifest
) -> None:
    report = learned[1]

    def of(questions: int, mrr: float) -> Measures:
        return Measures(questions, 0.5, 0.01, mrr, 0.01, 0.5)

    mine = {OURS: of(500, 0.3), "the fixed blend": of(500, 0.2)}
    rare = {OURS: of(FEW - 1, 0.3), "the fixed blend": of(FEW - 1, 0.31)}
    rare["the online blend"] = of(FEW - 1, 0.305)
    lost = {OURS: of(FEW, 0.3), "the fixed blend": of(FEW, 0.4)}
    segments = {"rare": rare, "lost": lost}
    made = changed(report, judged=500, overall=mine, segments=segments)
    said = "\n".join(caveats(manifest, made))
    assert f"judge it on: rare ({FEW - 1})." in said
    assert "On rare, the fixed blend is ahead: MRR@20 0.3100 against 0.3000, within two" in said
    assert "On lost, the fixed blend is ahead: MRR@20 0.4000 against 0.3000, beyond two" in said
    assert "the online blend" not in said  # the best one is enough
    assert "On all questions" not in said


def test_without_a_report_it_says_that_nothing_is_known(manifest: Manifest) -> None:
    text = card(manifest, None, manifest.files)
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == HEADINGS
    assert text.count(NOTHING) == 4  # of factors, metrics, evaluation, analyses
    assert "what it is worth, is not known" in text

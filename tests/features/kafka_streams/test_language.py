"""The runner's Java does what vectors.json says: floor, order of bytes, hashes, limbs, places."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from engines.kafka_streams import built
from tests.conformance.make_vectors import PATH

CHECK = Path(__file__).parent / "Language.java"
SECTIONS = ("tiles", "byte_order", "value_hashes", "squares", "partitions")

pytestmark = pytest.mark.engine


def test_it_speaks_the_language(runner_built: None, tmp_path: Path) -> None:
    folder = built()
    path = f"{folder}/*:{folder}/lib/*"
    javac, java = shutil.which("javac"), shutil.which("java")
    assert javac is not None
    assert java is not None
    subprocess.run([javac, "-cp", path, "-d", str(tmp_path), str(CHECK)], check=True)
    done = subprocess.run(
        [java, "-cp", f"{tmp_path}:{path}", "afresh.streams.Language", str(PATH)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    vectors = json.loads(PATH.read_text(encoding="ascii"))
    cases = sum(len(vectors[section]) for section in SECTIONS) - 1  # an order is of neighbours
    assert done.stdout.splitlines() == [f"seen {cases}"]

"""From a log in a folder to topics, and to more partitions."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.everything import app
from tests.mirrored import Mirrored, until_equal
from tests.opened import Opened, event, post, put
from typer.testing import CliRunner

from afresh.cli import app as cli
from afresh.errors import AfreshError
from afresh.features.canonical import canonical
from afresh.log.kafka.making import compare, create
from afresh.log.kafka.topics import Cluster, Topics
from afresh.mirror.copying import copy_log

DEFINITION = Path(__file__).parents[1] / "everything.py"


def test_a_log_moves_to_topics_and_to_more_partitions(mirrored: Mirrored, opened: Opened) -> None:
    alone = opened()
    put(alone, "i", category="shoes")
    put(alone, "j", category="hats")
    post(alone, *(event(user_id=f"u{i % 9}", event_id=f"e{i}") for i in range(60)))
    asyncio.run(alone.delete_item("j"))
    folder, log = str(opened.folder), mirrored.settings.log
    said = ["kafka", "copy", str(DEFINITION), "--data", folder, "--log", log]
    done = CliRunner().invoke(cli, said)
    assert done.exit_code == 0, done.output
    end = int(done.output.split()[-1])
    assert end == alone.log.end
    post(alone, event(event_id="since"))
    assert CliRunner().invoke(cli, [*said, "--after", str(end)]).exit_code == 0
    one = mirrored("one")
    assert canonical(one.replica.state) == canonical(alone.replica.state)
    assert one.item("i") == alone.item("i")
    assert one.item("j") is None

    with pytest.raises(AfreshError, match="hold it already"):
        copy_log(app, mirrored.folder / "one", mirrored.settings)
    cluster, topics = Cluster(mirrored.address), Topics(mirrored.topics.prefix, 2)
    create(cluster, compare(cluster, topics.wanted(7, None)), 1)
    second = mirrored.settings.model_copy(update={"kafka_generation": 2})
    for _ in range(2):
        copy_log(app, mirrored.folder / "one", second)
    mirrored.settings = second
    two = mirrored("two")
    assert len(two.found.partitions) == 9
    assert two.mirroring.copies == 61
    assert until_equal(two) == canonical(alone.replica.state)

"""What servers fold from topics is what the model says, however the topics are cut and read."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from engines.kafka import Kafka
from tests.batches import batch_of
from tests.everything import app
from tests.features.flink.streams import stream
from tests.mirrored import Mirrored
from tests.model import Event, Model

from afresh.features.canonical import canonical
from afresh.features.columns import item_columns
from afresh.log.kafka.consuming import PORTION
from afresh.log.kafka.partition import partitions_of
from afresh.log.kafka.producing import Producing, Written
from afresh.log.kafka.wire import Wire, owners

PLAN = app.plan()


def _send(mirrored: Mirrored, events: list[Event], partitions: int) -> None:
    wire, producing = Wire(PLAN.accepted, *item_columns(PLAN)), Producing(mirrored.address)
    heard: list[Written] = []
    for first in range(0, len(events), 100):
        batch = batch_of(PLAN, events[first : first + 100])
        keys = owners(batch)
        where = partitions_of("\0".join(keys).encode(), batch.n, partitions)
        producing.write(mirrored.topics.events, keys, wire.encode(batch), where, heard.append)
    producing.close()
    assert not any(written.error for written in heard)


@pytest.mark.parametrize("partitions", [1, 4])
def test_servers_and_the_model_give_the_same_bytes(
    kafka: Kafka, tmp_path: Path, partitions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered, counted = stream(20, which=partitions)
    wanted = Model(PLAN, counted).canonical()
    mirrored = Mirrored(kafka, tmp_path, partitions)
    try:
        half = len(delivered) // 2
        _send(mirrored, delivered[:half], partitions)
        early = mirrored("early")
        mirrored.leave("early")
        _send(mirrored, delivered[half:], partitions)
        early = mirrored("early")  # from its snapshot, then the rest
        assert canonical(early.replica.state) == wanted
        dice = random.Random(partitions)
        for number in range(2):  # cut otherwise
            portion = dice.randrange(3, 70)
            monkeypatch.setattr("afresh.log.kafka.consuming.PORTION", portion)
            assert portion != PORTION
            late = mirrored(f"late{number}")
            assert canonical(late.replica.state) == wanted
            assert late.mirroring.copies == len(delivered) - len(counted)
    finally:
        mirrored.close()


def test_no_two_owners_of_one_id_are_copies(mirrored: Mirrored) -> None:
    made = [Event("1", "view", 5, user="a", item="i"), Event("1", "view", 5, session="a", item="i")]
    _send(mirrored, [*made, *made], 4)
    one = mirrored("one")
    assert one.replica.state.events == 2
    assert one.mirroring.copies == 2

"""Of servers that share a log one learns, and all score with what it learned."""

from __future__ import annotations

import msgspec
from tests.mirrored import Mirrored, until
from tests.opened import event, post
from tests.test_learner import shop

from afresh.rank.softmax import Softmax


def test_one_server_learns_and_the_next_goes_on(mirrored: Mirrored) -> None:
    servers = {name: mirrored(name, shop()) for name in ("one", "two")}
    until(lambda: sum(server.chosen.now for server in servers.values()) == 1)
    first = next(name for name, server in servers.items() if server.chosen.now)
    other = next(name for name in servers if name != first)
    for at in range(3):
        post(servers[other], event(event_id=f"e{at}", item_id=f"i{at}", event_type="view"))
    until(lambda: len(servers[first].learner._waiting) + servers[first].learner.learned > 0)
    assert not servers[other].learner._waiting
    model = Softmax()
    model.weights += 0.25
    servers[first].learner.write(record := _encoded(model))
    until(lambda: servers[other].replica.weights == record)
    mirrored.leave(first)
    until(lambda: servers[other].chosen.now)
    assert servers[other].learner.model.weights.tolist() == model.weights.tolist()


def _encoded(model: Softmax) -> bytes:
    return msgspec.json.encode(model.to_record())

"""Seats: what a worker is sent, in which order, and when it is replaced."""

from __future__ import annotations

import socket

import pytest

from afresh.serve import seat as seats
from afresh.serve.channel import CONNECTION, PEER, READY, Channel
from afresh.serve.seat import Seat


def test_messages_keep_their_borders_and_carry_sockets() -> None:
    ours, theirs = Channel.pair()
    one, two = socket.socketpair()
    assert ours.send(READY)
    assert ours.send(PEER, 200, one)
    one.close()
    (first, _, nothing), (second, number, handed) = theirs.received()
    assert (first, nothing, second, number) == (READY, None, PEER, 200)
    assert handed is not None
    handed.send(b"through")
    assert two.recv(16) == b"through"
    assert list(theirs.received()) == []
    ours.close()
    with pytest.raises(EOFError):
        list(theirs.received())
    assert not theirs.send(READY)
    handed.close()
    two.close()
    theirs.close()


def filled(seat: Seat, connection: socket.socket) -> int:
    """Hand over until there is no room; how many were taken."""
    taken = 0
    while seat.hand(connection):
        taken += 1
        assert taken < 100_000
    return taken


def test_links_go_before_connections_however_full_it_is() -> None:
    ours, theirs = Channel.pair()
    seat = Seat(1)
    connection, far = socket.socketpair()
    assert not seat.hand(connection), "nobody sits there"
    seat.taken(1, ours)
    assert not seat.hand(connection), "it is not ready"
    seat.ready = True
    taken = filled(seat, connection)
    assert taken
    links = [socket.socketpair() for _ in range(2)]
    for number, (mine, _) in enumerate(links):
        seat.owe(number, mine)
    assert not seat.pay()
    kinds: list[tuple[bytes, int]] = []
    while len(kinds) < taken + 3:
        for kind, number, handed in theirs.received():
            kinds.append((kind, number))
            if handed is not None:
                handed.close()
        seat.hand(connection)
    links_at = [at for at, (kind, _) in enumerate(kinds) if kind == PEER]
    assert links_at == [taken, taken + 1]
    assert kinds[taken : taken + 3] == [(PEER, 0), (PEER, 1), (CONNECTION, 0)]
    for _, end in links:
        end.close()
    seat.owe(0, far)
    seat.cut()
    assert far.fileno() == -1, "what was owed is closed"
    connection.close()
    theirs.close()


def test_who_dies_soon_is_replaced_later_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(seats.time, "monotonic", lambda: now)
    seat = Seat(1)
    waits = []
    for lived in (1, 1, 1, 1, 1, 1, 1, 1, seats.STEADY_S, 1):
        ours, theirs = Channel.pair()
        seat.taken(7, ours)
        assert seat.again_at is None
        now += lived
        assert seat.left() == lived
        assert seat.again_at is not None
        waits.append(round(seat.again_at - now, 3))
        seat.cut()
        theirs.close()
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 0.0, 0.1]

"""The acceptor: nobody is lost while nobody is wanted."""

from __future__ import annotations

import selectors
import socket
import time

from afresh.serve.acceptor import Acceptor


def turn(acceptor: Acceptor, selector: selectors.BaseSelector, wanted: bool) -> None:
    acceptor.want(wanted)
    for key, _ in selector.select(0):
        key.data()


def test_who_comes_while_nobody_is_wanted_is_taken_later() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    where = listening.getsockname()
    taken: list[str] = []
    room = True

    def hand_over(connection: socket.socket) -> bool:
        if room:
            taken.append(connection.getpeername())
        return room

    with selectors.DefaultSelector() as selector:
        acceptor = Acceptor(listening, selector, hand_over)
        clients = [socket.create_connection(where) for _ in range(3)]
        names = [client.getsockname() for client in clients]
        turn(acceptor, selector, wanted=False)
        assert taken == []
        room = False
        turn(acceptor, selector, wanted=True)
        assert acceptor.again_at is not None
        turn(acceptor, selector, wanted=True)
        assert taken == []
        room = True
        time.sleep(max(0.0, acceptor.again_at - time.monotonic()))
        for _ in range(2):
            turn(acceptor, selector, wanted=True)
        assert taken == names, "in the order in which they came"
        acceptor.close()
        assert not selector.get_map()
        for client in clients:
            client.close()


def test_a_forked_process_leaves_the_selector_as_it_is() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    copy = listening.dup()  # as the parent still has it
    with selectors.EpollSelector() as selector:
        acceptor = Acceptor(listening, selector, lambda connection: True)
        acceptor.want(True)
        acceptor.leave()
        with socket.create_connection(copy.getsockname()):
            assert selector.select(1), "the parent still hears of callers"
    copy.close()

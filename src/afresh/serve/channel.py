"""The channel between a supervisor and one worker: messages that carry file descriptors."""

from __future__ import annotations

import socket
from collections.abc import Iterator

CONNECTION, PEER, READY = b"c", b"p", b"r"
"""Kinds of message: a client's connection; a link to another worker, whose number follows; from
the worker: it answers from now on."""


class Channel:
    """One end of a socket pair that keeps the borders of messages. It never blocks."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        end.setblocking(False)

    @staticmethod
    def pair() -> tuple[Channel, Channel]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return Channel(ours), Channel(theirs)

    def fileno(self) -> int:
        return self.end.fileno()

    def send(self, kind: bytes, number: int = 0, handed: socket.socket | None = None) -> bool:
        """Send a message, and a socket with it; False: there is no room, or nobody reads.

        The socket stays open here; the other end gets one of its own.
        """
        message = kind + bytes([number])
        try:
            if handed is None:
                self.end.send(message)
            else:
                socket.send_fds(self.end, [message], [handed.fileno()])
        except OSError:
            return False
        return True

    def received(self) -> Iterator[tuple[bytes, int, socket.socket | None]]:
        """The messages that wait: kind, number, socket. Raises EOFError when the other end is
        gone."""
        while True:
            try:
                message, handed, _, _ = socket.recv_fds(self.end, 2, 1)
            except BlockingIOError:
                return
            except OSError:
                raise EOFError from None
            if not message:
                raise EOFError
            yield message[:1], message[1], socket.socket(fileno=handed[0]) if handed else None

    def close(self) -> None:
        self.end.close()

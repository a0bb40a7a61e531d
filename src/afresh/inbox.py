"""The inbox: what waits for a verdict, bounded, in the order in which it came."""

from __future__ import annotations

import threading
from collections import deque

from afresh.errors import AfreshError, Overloaded, Unavailable
from afresh.submission import Submission, settle


class Inbox:
    """Submissions on their way to whoever writes. queue_events bounds what may wait; group_events
    what is taken at a time. `wake` is notified when something comes, and may be by others."""

    def __init__(self, queue_events: int, group_events: int) -> None:
        self.queue_events, self.group_events = queue_events, group_events
        self.waiting = 0
        """Events and records taken in and not settled."""
        self.wake = threading.Condition()
        self.open = True
        self._queue: deque[Submission] = deque()

    def put(self, submission: Submission) -> None:
        """Raises Overloaded when too much waits, Unavailable when closed."""
        with self.wake:
            self._enqueue(submission)
            self.wake.notify()

    def put_all(self, submissions: list[Submission]) -> None:
        """Take in what came together: the writer is woken once, and finds all of it.

        One that cannot be taken is settled with why.
        """
        refused: list[tuple[Submission, AfreshError]] = []
        with self.wake:
            for submission in submissions:
                try:
                    self._enqueue(submission)
                except AfreshError as error:
                    refused.append((submission, error))
            self.wake.notify()
        settle([s for s, _ in refused], [error for _, error in refused])

    def _enqueue(self, submission: Submission) -> None:
        if not self.open:
            raise Unavailable("The server is stopping.", hint="Send it again in a moment.")
        if self.waiting and self.waiting + submission.size > self.queue_events:
            raise Overloaded(f"{self.waiting:,} events wait to be written already.")
        self.waiting += submission.size
        self._queue.append(submission)

    def take(self) -> list[Submission]:
        """The next submissions that share a commit, all of one kind; waits for the first. None are
        left when the list is empty. The caller holds `wake`."""
        while not self._queue and self.open:
            self.wake.wait()
        group: list[Submission] = []
        size = 0
        while self._queue and (not group or size + self._queue[0].size <= self.group_events):
            if group and self._queue[0].kind != group[0].kind:
                break
            group.append(self._queue.popleft())
            size += group[-1].size
        return group

    def done(self, group: list[Submission]) -> None:
        """These are settled."""
        with self.wake:
            self.waiting -= sum(s.size for s in group)

    def close(self) -> None:
        with self.wake:
            self.open = False
            self.wake.notify()

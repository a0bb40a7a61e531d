"""Receipts: what waits until the brokers acknowledged it and the state has it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from afresh.errors import AfreshError, Unavailable
from afresh.log.kafka.producing import Written
from afresh.submission import Outcome, Submission

WAIT_S = 0.5
"""How long a fold may take before what is acknowledged is said to be: it is in the topics."""


@dataclass(slots=True)
class Slip:
    """Submissions written together. outcomes: what to say to each when all went well; rests: some
    are copies of others that are on their way; refused: takes back what was remembered of them."""

    group: list[Submission]
    outcomes: Sequence[Outcome | AfreshError]
    rests: bool = False
    refused: Callable[[], None] = lambda: None
    settled: Callable[[], None] = lambda: None
    written: Written | None = None
    acknowledged_at: float = 0.0
    place: dict[int, int] = field(default_factory=dict)

    def reached(self, vector: Sequence[int]) -> bool:
        return all(vector[at] >= offset for at, offset in self.place.items())


Settle = Callable[[Slip, Sequence[Outcome | AfreshError]], None]


class Receipts:
    """Slips in the order in which they were written, settled in that order.

    When one fails, those after it that rest on it fail too: a copy of an event that never became
    durable is no copy. `settle` is called without any lock held.
    """

    def __init__(self, settle: Settle) -> None:
        self._settle = settle
        self._slips: deque[Slip] = deque()
        self._lock = threading.Lock()
        self._settling = threading.Lock()
        self.failure: AfreshError | None = None

    def expect(self, slip: Slip) -> None:
        with self._lock:
            self._slips.append(slip)

    def withdraw(self, slip: Slip) -> None:
        """It was not written after all."""
        with self._lock:
            self._slips.remove(slip)

    def written(self, slip: Slip, written: Written, first: int = 0) -> None:
        """The brokers spoke. first: where the topic's partitions stand in a vector."""
        with self._lock:
            slip.place = {first + at: offset for at, offset in written.offsets.items()}
            slip.acknowledged_at = time.monotonic()
            slip.written = written

    def advance(self, vector: Sequence[int], broken: AfreshError | None = None) -> None:
        """Settle what the state has now, in order."""
        with self._settling:
            while True:
                with self._lock:
                    slip = self._slips[0] if self._slips else None
                    if slip is None or (broken is None and not self._due(slip, vector)):
                        return
                    self._slips.popleft()
                self._end(slip, vector, broken)

    def _due(self, slip: Slip, vector: Sequence[int]) -> bool:
        if slip.written is None:
            return False
        late = time.monotonic() - slip.acknowledged_at > WAIT_S
        return late or slip.written.error is not None or slip.reached(vector)

    def _end(self, slip: Slip, vector: Sequence[int], broken: AfreshError | None) -> None:
        error = broken or (slip.written.error if slip.written else None)
        if error is None:
            self.failure = None
            place = tuple(max(slip.place.get(at, 0), held) for at, held in enumerate(vector))
            for outcome in slip.outcomes:
                if isinstance(outcome, Outcome):
                    outcome.place = place
            self._settle(slip, slip.outcomes)
            return
        self.failure = error
        slip.refused()
        self._settle(slip, [error] * len(slip.group))
        self._fail_who_rests(error)

    def _fail_who_rests(self, error: AfreshError) -> None:
        with self._lock:
            resting = [slip for slip in self._slips if slip.rests]
            for slip in resting:
                self._slips.remove(slip)
        for slip in resting:
            slip.refused()
            told = Unavailable(error.message, hint=error.hint)
            self._settle(slip, [told] * len(slip.group))

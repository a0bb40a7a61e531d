"""Reading: the thread that hands the events of somebody else's topic to the door.

The place in the topic is remembered at its brokers, for all servers together, after the events are
in the log. So a message may be read twice, and is the same event then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog

from afresh.errors import AfreshError, CorruptData
from afresh.events.decode import EventDecoder
from afresh.events.verdict import Rejection
from afresh.intake.mapping import Mapped, Mapping
from afresh.log.kafka.address import Address
from afresh.log.kafka.client import kafka
from afresh.log.kafka.quiet import QUIET, say_once
from afresh.log.kafka.receiving import place, received
from afresh.submission import Outcome, Submission

PORTION = 2_000
"""The most messages handed over at a time."""
AGAIN_S = 0.5
"""How long the door is left alone when it takes nothing."""

_log = structlog.get_logger("afresh.intake")

Refused = Callable[[Any, str], None]


class Intaking:
    """Reads one topic into one door. submit: hands events over; refused: hears of each message that
    is no event, or was rejected, and why."""

    def __init__(
        self,
        address: Address,
        group: str,
        mapping: Mapping,
        decoder: EventDecoder,
        submit: Callable[[Submission], None],
        refused: Refused,
    ) -> None:
        self.mapping, self.decoder, self.submit, self.refused = mapping, decoder, submit, refused
        said = mapping.said
        self.topic = said.topic
        self.read = self.taken = self.passed_over = self.rejected = 0
        must = {
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": said.start,
            "error_cb": say_once,
        }
        servers = (
            Address(said.servers, address.prefix, address.options) if said.servers else address
        )
        self._consumer = kafka().Consumer(servers.client(must), logger=QUIET)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="afresh-intake", daemon=True)

    def start(self) -> None:
        self._consumer.subscribe([self.topic])
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        self._consumer.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._portion()
            except Exception:
                _log.exception("intake_failed", topic=self.topic)
                self._closing.wait(AGAIN_S)

    def _portion(self) -> None:
        messages = []
        for message in received(self._consumer, PORTION, 0.1):
            if message.error() is None:
                messages.append(message)
            else:
                say_once(message.error())
        if messages and self._taken(messages):
            self._consumer.commit(offsets=_after(messages), asynchronous=False)

    def _taken(self, messages: Sequence[Any]) -> bool:
        """Whether the log has all that there is in these messages."""
        mapped = self.mapping.map([(place(m), _structured(m)) for m in messages])
        for at, why in mapped.unread:
            self.refused(messages[at], why)
        outcome = self._submitted(messages, mapped)
        if outcome is None:
            return False
        self.read += len(messages)
        self.passed_over += mapped.passed_over
        self.taken += outcome.accepted
        self.rejected += len(outcome.rejected) + len(mapped.unread)
        return True

    def _submitted(self, messages: Sequence[Any], mapped: Mapped) -> Outcome | None:
        """What the door said; it is asked until it takes them. None: the server is closing."""
        if not mapped.lines:
            return Outcome()
        decoded = self.decoder.decode(b"\n".join(mapped.lines), lines=True)
        self._refuse(messages, mapped, decoded.rejected)
        while not self._closing.is_set():
            try:
                submission = Submission(decoded.events, decoded.index)
                if not decoded.events:
                    return Outcome(rejected=decoded.rejected)
                self.submit(submission)
                outcome: Outcome = submission.future.result()
                self._refuse(messages, mapped, outcome.rejected)
                outcome.rejected += decoded.rejected
                return outcome
            except CorruptData:
                raise
            except AfreshError as error:
                _log.warning("intake_waits", topic=self.topic, reason=error.message)
                self._closing.wait(AGAIN_S)
        return None

    def _refuse(self, messages: Sequence[Any], mapped: Mapped, rejected: list[Rejection]) -> None:
        for r in rejected:
            self.refused(messages[mapped.at[r.index]], f"{r.code} at {r.path}: {r.detail}")


def _after(messages: Sequence[Any]) -> list[Any]:
    lib = kafka()
    ends: dict[tuple[str, int], int] = {}
    for m in messages:
        ends[m.topic(), m.partition()] = m.offset() + 1
    return [lib.TopicPartition(topic, number, offset) for (topic, number), offset in ends.items()]


def _structured(message: Any) -> bytes | None:
    """The value; of a CloudEvent in binary mode, whose attributes are headers, as it would be
    structured."""
    headers = {name: value for name, value in message.headers() or () if name.startswith("ce_")}
    value = message.value()
    if "ce_specversion" not in headers or not value:
        return bytes(value) if value is not None else None
    said = {name[3:]: (text or b"").decode(errors="replace") for name, text in headers.items()}
    return msgspec.json.encode({**said, "data": msgspec.Raw(value)})

"""Numbers of several processes, added up; and the slates they are written on."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import generate_latest

from afresh.watch.numbers import Told, decoded, encoded, families, together
from afresh.watch.slate import Slate


def registry(events: int, ready: float, lag: float, memory: float) -> CollectorRegistry:
    made = CollectorRegistry()
    Counter("afresh_events", "E.", ["verdict"], registry=made).labels("late").inc(events)
    Gauge("afresh_ready", "R.", registry=made).set(ready)
    Gauge("afresh_fold_lag_records", "L.", registry=made).set(lag)
    Gauge("afresh_state_bytes", "S.", registry=made).set(memory)
    return made


def test_each_kind_is_put_together_as_it_means() -> None:
    parts = [families(each.collect()) for each in (registry(3, 1, 5, 100), registry(4, 0, 2, 50))]
    found = CollectorRegistry()
    found.register(Told(together([decoded(encoded(part)) for part in parts])))
    text = generate_latest(found).decode()
    assert 'afresh_events_total{verdict="late"} 7.0' in text
    assert "afresh_ready 0.0" in text
    assert "afresh_fold_lag_records 5.0" in text
    assert "afresh_state_bytes 150.0" in text


def test_one_process_tells_what_it_told_before() -> None:
    single = registry(3, 1, 5, 100)
    found = CollectorRegistry()
    found.register(Told(together([families(single.collect())])))
    assert generate_latest(found) == generate_latest(single)


@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(0, 111))
def test_a_slate_says_what_was_last_written_whole(said: list[bytes], spoilt: int) -> None:
    slate = Slate(40)
    assert slate.read() == b""
    for data in said:
        assert slate.write(data)
        assert slate.read() == data
    if len(said) > 1:  # a writer that was killed in the middle spoils the older side
        side = (len(said) + 1) % 2
        at = side * (len(slate._memory) // 2) + spoilt % (len(slate._memory) // 2)
        slate._memory[at] ^= 0x41
        assert slate.read() == said[-1]
    assert not slate.write(b"x" * 41)


def test_a_slate_outlives_its_writer() -> None:
    slate = Slate()
    pid = os.fork()
    if pid == 0:
        slate.write(b"from the child")
        os._exit(0)
    os.waitpid(pid, 0)
    assert slate.read() == b"from the child"

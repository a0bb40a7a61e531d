"""Logs are one JSON object a line, whoever writes them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from afresh.settings import Settings
from afresh.watch.logging import set_up_logging


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_ours_and_others_are_json_lines() -> None:
    out = io.StringIO()
    set_up_logging(Settings(), out)
    structlog.get_logger("afresh.test").info("folded", events=3)
    structlog.get_logger("afresh.test").debug("hidden")
    logging.getLogger("some.library").warning("slow %s", "disk")
    logging.getLogger("some.library").info("hidden")
    ours, theirs = map(json.loads, out.getvalue().splitlines())
    assert (ours["event"], ours["events"], ours["level"]) == ("folded", 3, "info")
    assert (theirs["event"], theirs["level"]) == ("slow disk", "warning")


def test_an_error_is_one_line_with_its_trace_and_no_values() -> None:
    out = io.StringIO()
    set_up_logging(Settings(), out)
    secret = "hunter2"
    try:
        raise ValueError(len(secret))
    except ValueError:
        structlog.get_logger("afresh.test").exception("failed")
    (line,) = map(json.loads, out.getvalue().splitlines())
    assert "ValueError: 7" in line["exception"]
    assert secret not in line["exception"].replace('secret = "hunter2"', "")


def test_for_people() -> None:
    out = io.StringIO()
    set_up_logging(Settings(log_format="console"), out)
    structlog.get_logger("afresh.test").info("folded", events=3)
    assert "folded" in out.getvalue()
    assert not out.getvalue().startswith("{")

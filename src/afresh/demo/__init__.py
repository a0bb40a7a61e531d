"""The shop that a newcomer opens first: a year of receipts, a page, one command."""

from afresh.demo.start import run

__all__ = ["run"]

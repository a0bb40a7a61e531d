"""The shop that a newcomer opens first: real receipts, a page, one command."""

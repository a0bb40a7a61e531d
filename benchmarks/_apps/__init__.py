"""Definitions that `benchmarks/evaluate.py` asks, one for each kind of history."""

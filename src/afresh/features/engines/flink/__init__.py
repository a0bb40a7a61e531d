"""Flink: the plan as generated SQL, and the facts it writes, read back."""

"""Feeding: facts that an engine wrote to a topic, merged into the values of a store.

A feeder holds nothing: each value carries the rows that it was made of (`kept.py`), so rows that
changed are merged in two round trips (`merging.py`), by any number of feeders at once.
"""

"""Engines: each runs a plan over a log and produces the same facts."""

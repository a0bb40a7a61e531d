"""Scores: each scorer is a file; it puts the candidates of all sources in one order."""

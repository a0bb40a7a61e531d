"""Arranging: what a caller's rules, variety and paging make of scored candidates."""

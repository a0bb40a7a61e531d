"""Surfaces as they are declared: what each is made of, what was left out, what is wrong."""

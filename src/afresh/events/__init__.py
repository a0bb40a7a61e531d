"""A fact arrives: its schema, its decoding, the checks of the door."""

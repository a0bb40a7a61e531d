"""The batch runner: the facts of a plan, by day, from a frame of events, by Polars alone."""

"""The batch runner: the facts of a plan, a day at a time, from a frame of events by Polars alone."""

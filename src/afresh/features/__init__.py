"""The fold and the one reader: definitions, the plan, tiles, sequences, windows."""

"""The stages of a request, which `surface.py` calls: one file a stage."""

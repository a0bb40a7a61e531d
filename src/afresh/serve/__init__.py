"""HTTP: one file a group of routes, behind one gate."""

from afresh.serve.application import create_app, openapi

__all__ = ["create_app", "openapi"]

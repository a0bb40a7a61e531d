"""A Python client of a server: events out, lists in. It needs the extra `client`.

The same calls, waiting (`Client`) or awaited (`AsyncClient`). What a call sends is in `calls.py`,
how often and when in `attempts.py`, over what in `connection.py`.
"""

from afresh.client.answers import Answer, FeatureRows, Item, Receipt, Rejection
from afresh.client.awaited import AsyncClient
from afresh.client.failures import RequestFailed, ServerUnreachable
from afresh.client.waiting import Client

__all__ = [
    "Answer",
    "AsyncClient",
    "Client",
    "FeatureRows",
    "Item",
    "Receipt",
    "Rejection",
    "RequestFailed",
    "ServerUnreachable",
]

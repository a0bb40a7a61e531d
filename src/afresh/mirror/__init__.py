"""A server whose log is shared: its own log is a mirror of Kafka topics.

An event that a server takes in goes to the brokers (`writing.py`), comes back to every server
(`mirroring.py`), and is folded there. So all of them have the same facts, and each keeps all that
one server alone has: snapshots, time travel, evaluation, replay.
"""

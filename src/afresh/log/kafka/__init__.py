"""The log on Apache Kafka: topics that several servers share.

    address.py    where the brokers are and how to log in
    topics.py     which topics there are, and how they must be set
    wire.py       an event as a message, and back
    partition.py  the partition of an owner
    producing.py  messages that are written, and acknowledged by the brokers
    consuming.py  messages that are read, from a vector of offsets on

Each server keeps a mirror of the topics in its own folder (`afresh.mirror`).
"""

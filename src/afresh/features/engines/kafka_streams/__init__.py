"""Kafka Streams: a plan as the document that the runner in `engines/kafka-streams` interprets."""

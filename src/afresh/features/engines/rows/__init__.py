"""Rows of the facts' topic: what they are called, what they are made of, and how they are read.

Engines that write to Kafka share them, so that whoever reads need not know which engine wrote.
"""

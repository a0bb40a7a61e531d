"""Feast with our values: a repository written from a definition, and the stores that it names.

types.py       which type of Feast a feature has
declared.py    what a definition is in Feast's words: entities, views, services
repository.py  the files of a repository, as text; writing.py puts them into a folder
opening.py     from the configuration of a store to the plan, its features and the settings
online.py      the online store: values as of now, from Redis or Valkey
columns.py     features of many entities as columns, one a feature
messages.py    columns as Feast's messages
offline.py     the offline store: values as of any moment, from the log
history.py     such values, as an Arrow table
source.py      the data source that both stand on
pushed.py      events that come through Feast's push source, sent to a server

Feast itself is imported only by online.py, offline.py, source.py and messages.py.
"""

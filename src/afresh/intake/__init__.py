"""Topics of a company's own, read and never written: what is in them becomes events.

declared.py  what the settings say of a topic, and the formats known out of the box
path.py      where in a message something stands
mapping.py   a message as events
reading.py   the thread that reads a topic and hands its events to the door
"""

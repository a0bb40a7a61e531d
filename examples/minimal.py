"""The smallest useful app: what is watched now, and by whom.

Without a catalogue, features or surfaces there is still a surface called home:
what people in similar sessions watched next, and what is popular.
"""

from afresh import App

app = App("minimal")
app.events("watch", "like", weights=(1, 5))

"""Baskets of a grocer: what the household buys again, and what goes with the lines so far."""

from afresh import App, repeats, sessions, trending

app = App("baskets", session_length=300, postings_per_item=5000, history=1000, within="400d")
app.event("buy")

app.surface(
    "basket",
    sources=[sessions(), trending("7d", weight=0.1), repeats(weight=2.0)],
    filters=[],
)
app.surface("trends", sources=[trending("7d")], filters=[])

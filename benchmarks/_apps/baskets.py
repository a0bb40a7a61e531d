"""Baskets of a grocer: what the household buys again, and what goes with the lines so far."""

from afresh import App, Features, last, repeats, sessions, trending

app = App("baskets", session_length=300, postings_per_item=5000, within="400d")
buy = app.event("buy")


class Household(Features, key="user_id"):
    """As long as the built-in history is to be."""

    past = last(buy, n=1000, within="400d")


app.surface(
    "basket",
    sources=[sessions(), trending("7d", weight=0.1), repeats(weight=2.0)],
    filters=[],
)
app.surface("trends", sources=[trending("7d")], filters=[])

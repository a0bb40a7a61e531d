"""Orders of a wholesaler: what goes with the lines so far, what is bought again, what trends."""

from afresh import App, Features, last, neighbours, repeats, trending

app = App("lists", session_length=300, postings_per_item=5000, within="400d")
buy = app.event("buy")


class Buyer(Features, key="user_id"):
    """As long as the built-in history is to be."""

    past = last(buy, n=1000, within="400d")


WEEK = trending("7d", weight=0.1)
app.surface(
    "basket", sources=[neighbours(), WEEK, repeats(weight=0.3)], filters=[], scorer="learned"
)
app.surface("blend", sources=[neighbours(), WEEK, repeats(weight=0.3)], filters=[])
app.surface("trends", sources=[trending("7d")], filters=[])

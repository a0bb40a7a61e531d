"""Orders of a wholesaler: what goes with the lines so far, what is bought again, what trends."""

from afresh import App, neighbours, repeats, trending

app = App("lists", session_length=300, postings_per_item=5000, history=1000, within="400d")
app.event("buy")

WEEK = trending("7d", weight=0.1)
app.surface(
    "basket", sources=[neighbours(), WEEK, repeats(weight=0.3)], filters=[], scorer="learned"
)
app.surface("blend", sources=[neighbours(), WEEK, repeats(weight=0.3)], filters=[])
app.surface("trends", sources=[trending("7d")], filters=[])

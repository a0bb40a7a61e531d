"""Clicks of sessions without users: what ten scans find, and what trends."""

from afresh import App, neighbours, trending

app = App("clicks")
app.event("view")
app.surface("home", sources=[neighbours(), trending("24h", weight=0.1)], filters=[])
app.surface(
    "learned", sources=[neighbours(), trending("6h", weight=0.1)], filters=[], scorer="learned"
)
app.surface("trends", sources=[trending("6h")], filters=[])

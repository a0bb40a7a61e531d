"""Clicks of a history whose index stays as it was: nothing is forgotten, nothing trends."""

from afresh import App, embeddings, neighbours, trending

app = App("frozen", session_length=1000, postings_per_item=100_000, within="3650d")
app.event("view")
app.surface("home", sources=[neighbours()], filters=[])
app.surface("learned", sources=[neighbours(), embeddings()], filters=[], scorer="learned")
app.surface("trends", sources=[trending("7d")], filters=[])

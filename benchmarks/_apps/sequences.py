"""Short histories of users without sessions: each history is one long visit."""

from afresh import App, neighbours, seen, similar, trending

app = App("sequences", session_length=1000, postings_per_item=5000, history=1000, within="3650d")
app.event("view")

app.surface("next", sources=[neighbours(), similar(weight=0.5)], filters=[seen()])
app.surface("trends", sources=[trending("30d")], filters=[seen()])

"""Long histories of users without sessions: each history is one long visit."""

from afresh import App, seen, similar, trending, two_hops

app = App("movies", session_length=1000, postings_per_item=5000, history=1000, within="3650d")
app.event("view")

app.surface(
    "next",
    sources=[similar(weight=1.0), two_hops(weight=0.25)],
    filters=[seen()],
)
app.surface("trends", sources=[trending("30d")], filters=[seen()])

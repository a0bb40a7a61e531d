"""Long histories of users without sessions: each history is one long visit."""

from afresh import App, Features, last, seen, sessions, similar, trending, two_hops

app = App("movies", session_length=1000, postings_per_item=5000, within="3650d")
view = app.event("view")


class User(Features, key="user_id"):
    """As long as the built-in history is to be, by which seen items are hidden."""

    past = last(view, n=1000, within="3650d")


app.surface(
    "next",
    sources=[sessions(depth=1000), similar(weight=1.0), two_hops(weight=1.0)],
    filters=[seen()],
)
app.surface("trends", sources=[trending("30d")], filters=[seen()])

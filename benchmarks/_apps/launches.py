"""A wholesaler with a catalogue: what knows items that nobody, or hardly anybody, has bought."""

from afresh import App, Catalog, embeddings, neighbours, preference, repeats, text, trending


class Products(Catalog):
    title: str = ""


app = App(
    "launches", catalog=Products, session_length=300, postings_per_item=5000, history=1000,
    within="400d",
)  # fmt: skip
app.event("buy")

SCANS = [neighbours(), trending("7d", weight=0.1), repeats(weight=0.3)]
TEXT = [preference(), text()]
app.surface("trends", sources=[trending("7d")], filters=[])
app.surface("taste", sources=[preference()], filters=[])
app.surface("visits", sources=[embeddings()], filters=[])
app.surface("scans", sources=SCANS, filters=[], scorer="learned")
app.surface("text", sources=[*SCANS, *TEXT], filters=[], scorer="learned")
app.surface("both", sources=[*SCANS, *TEXT, embeddings()], filters=[], scorer="learned")

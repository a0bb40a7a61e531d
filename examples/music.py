"""A music service: a skip counts against, and this hour's mood is not this year's taste.

afresh check examples/music.py                                      # is it sound?
afresh import examples/music.py --items examples/music.ndjson       # something to show
afresh serve examples/music.py --site examples/pages/music.html     # the API, and a page at /
"""

from afresh import (
    App,
    Catalog,
    Features,
    count,
    daily,
    last,
    neighbours,
    next_item,
    preference,
    ratio,
    session,
    trending,
)

app = App("music")


class Songs(Catalog):
    title: str
    artist: str
    genre: str
    mood: str


# A skip has no weight of its own: it makes no song popular, and no session a neighbour.
play, skip, like = app.events("play", "skip", "like", weights=(1, 0, 5))


class Mood(Features, key="session_id"):  # ends with the first pause of half an hour
    moods = count(play, by=Songs.mood, window=session("30m"))
    impatience = ratio(  # skips a play, 1 in 5 before anything is known
        count(skip, window=session("30m")), count(play, window=session("30m")), prior=(1, 5)
    )
    skipped = last(skip, n=50)  # keeps the skips, so that the radio below can weigh them


class Taste(Features, key="user_id"):  # changes over months
    genres = count(play, like, by=Songs.genre, window=daily(365))
    artists = count(play, by=Songs.artist, window=daily(365))


app.surface(
    "radio",  # what is like the songs that were played, and unlike those that were skipped
    sources=[
        preference(weight=1.0, actions={skip: -1}, half_life="30m"),
        neighbours(weight=0.5),
        next_item(weight=0.3),
    ],
)
app.surface(
    "taste",  # the same of a person: three months back, a play still counts half
    sources=[preference(weight=1.0, half_life="90d"), trending("7d", weight=0.1)],
)
app.surface(
    "home",  # ordered by weights that learn from every play
    sources=[neighbours(), trending("7d", weight=0.2)],
    scorer="learned",
)

"""A video service that counts the seconds somebody stays on a title.

afresh check examples/video.py                                      # is it sound?
afresh import examples/video.py --items examples/video.ndjson       # something to show
afresh serve examples/video.py --site examples/pages/video.html     # the API, and a page at /
"""

from afresh import (
    App,
    Catalog,
    Features,
    because,
    count,
    daily,
    last,
    mean,
    neighbours,
    preference,
    seen,
    sliding,
    total,
    trending,
    trending_in,
    variance,
)

app = App("video")


class Titles(Catalog):  # texts say what a title is like: from them come its nearest titles
    title: str
    genre: str
    story: str
    minutes: int


# Somebody who scrolls and pauses says something without a click. When a pause of three seconds
# or more ends, the page sends it: afresh.track("dwell", "t1", {seconds: 12}).
dwell = app.event("dwell", 1, seconds=int)
watch = app.event("watch", 5)


class TitlePulse(Features, key="item_id"):  # how a title holds people
    stay_total = total(dwell.seconds, window=sliding("1h"))
    stay_mean = mean(dwell.seconds, window=daily(7))
    stay_spread = variance(dwell.seconds, window=daily(7))  # large: loved or left at once
    watched = count(watch, window=daily(7))


class Viewer(Features, key="user_id"):  # what this person pauses at
    paused_at = last(dwell, n=20)
    stay_by_genre = total(dwell.seconds, by=Titles.genre, window=daily(30))


app.surface(
    "home",
    sources=[  # a pause from an hour ago counts half of one from now
        neighbours(),
        preference(weight=0.5, half_life="1h"),
        trending("1h", weight=0.2),
    ],
    groups=[because(n=2, least=3), trending_in(Titles.genre, n=1, window="1h", least=3)],
    filters=[seen(watch)],  # what was watched is not shown again; what was looked at may be
)

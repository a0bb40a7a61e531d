"""Food delivery: what is near, open, and what one feels like at this hour.

afresh check examples/food.py                                       # is it sound?
afresh import examples/food.py --items examples/food.ndjson         # something to show
afresh serve examples/food.py --site examples/pages/food.html       # the API, and a page at /

Where somebody is and what the time is there come with the request, and so does the rule. What
trends is what was ordered at about this time of day:

    {"surface": "home", "session_id": "s1", "context": {"lat": 48.2, "lon": 16.4, "hour": 12.5},
     "rules": {"filter": "distance_km(lat, lon, context.lat, context.lon) < 5
                          and opens <= context.hour and context.hour < closes"}}
"""

from afresh import (
    App,
    Catalog,
    Features,
    count,
    daily,
    decayed,
    last,
    neighbours,
    newcomers,
    preference,
    sliding,
    text,
    trending,
)

app = App("food")


class Restaurants(Catalog):
    name: str
    cuisine: str
    dishes: str
    lat: float  # degrees
    lon: float
    opens: float = 0.0  # hours of the day there: 11.5 is half past eleven
    closes: float = 24.0


# `search` is sent for each restaurant found that was then looked at: what was searched for is
# kept with it. `hour` is the hour at the place; people eat other things at noon than at night.
search = app.event("search", 1, words=str, hour=int)
view = app.event("view", 1, hour=int)
order = app.event("order", 5, hour=int)


class Place(Features, key="item_id"):
    orders_hour = count(order, window=sliding("1h"))  # how busy the kitchen is
    by_daytime = count(order, by=order.hour.bands(11, 15, 18, 22), window=daily(28))


class Guest(Features, key="user_id"):
    searched = count(search, by=search.words, window=decayed("1h"))  # fades by half in an hour
    found = last(search, n=20)
    cuisines = count(order, by=Restaurants.cuisine, window=daily(90))
    mealtimes = count(order, by=order.hour.bands(11, 15, 18, 22), window=daily(90))


app.surface(
    "home",
    sources=[  # a search counts as much as an order does, one half an hour older counts half
        preference(weight=1.0, actions={search: 5}, half_life="30m"),
        neighbours(weight=0.5),
        text(weight=0.3),
        trending("28d", by=order.hour.bands(11, 15, 18, 22), weight=0.2),  # at this time of day
        newcomers(),
    ],
)

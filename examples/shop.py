"""A shop that changes its mind after every click.

afresh check examples/shop.py      # is it sound?
afresh plan examples/shop.py       # what would be kept, and for how long?
afresh serve examples/shop.py      # take events, answer requests
"""

from afresh import (
    App,
    Catalog,
    Features,
    available,
    count,
    daily,
    decayed,
    last,
    maximum,
    minimum,
    ratio,
    seen,
    sessions,
    sliding,
    text,
    total,
    trending,
    tumbling,
)

app = App("shop")


class Products(Catalog):  # what can be recommended; a missing field is null, or its default
    title: str
    category: str
    brand: str
    price_cents: int
    in_stock: bool = True


# What people do. A weight says how much an action tells about taste; the rest are optional
# properties. An event without a price takes its item's, as it stood when the event came.
view, cart, buy = app.events(
    "view", "cart", "buy", weights=(1, 3, 10), price_cents=int, quantity=int
)


class ItemPulse(Features, key="item_id"):  # one value an item; the name is the attribute's
    views_now = count(view, window=tumbling("5m"))  # since 12:05, when it is 12:07
    views_hour = count(view, window=sliding("1h"))  # never older than an hour
    views_week = count(view, window=daily(7))  # 7 whole days and today so far
    conversion = ratio(  # starts at 1 in 50, then learns
        count(buy, window=daily(7)), count(view, window=daily(7)), prior=(1, 50)
    )


class UserNow(Features, key="user_id"):  # one value a person, changed by the last click
    recent = last(view, cart, buy, n=50)  # the last 50 items, newest first
    categories = count(view, by=Products.category, window=decayed("2h"))  # fades by half in 2 h
    spend = total(buy.price_cents, window=daily(30))
    cheapest = minimum(view.price_cents, window=daily(7))  # the price range considered …
    dearest = maximum(view.price_cents, window=daily(7))
    price_bands = count(  # … and where in it most of the looking happens
        view, by=view.price_cents.bands(1000, 2500, 5000), window=decayed("2h")
    )


app.surface(
    "home",
    sources=[
        sessions(weight=1.0),  # what people look at in the same visit
        trending("1h", weight=0.3),
        trending("7d", weight=0.1),
        text(),  # what is described like it, though nobody may have touched it yet
    ],
    filters=[seen(buy), available(Products.in_stock)],
    n=20,
)

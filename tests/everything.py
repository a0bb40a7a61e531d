"""A definition with every window, aggregate, split and key, and short memories."""

from decimal import Decimal

from afresh import (
    App,
    Catalog,
    Features,
    available,
    bands,
    count,
    daily,
    decayed,
    decimal,
    distinct,
    hour_of_day,
    last,
    maximum,
    mean,
    minimum,
    ratio,
    seen,
    session,
    sessions,
    similar,
    sliding,
    total,
    trending,
    tumbling,
    variance,
)

app = App("everything", session_length=3, postings_per_item=4, within="1h")


class Goods(Catalog):
    category: str
    brand: str
    price: Decimal = decimal(2)
    grade: int
    fragile: bool
    in_stock: bool = True


view = app.event("view", 1, price=decimal(2), brand=str, gift=bool)
cart = app.event("cart", 3, price=decimal(2), brand=str, gift=bool, level=int)
buy = app.event("buy", 10, price=decimal(2), brand=str, level=int)
ping = app.event("ping", 0, level=int)


class ByItem(Features, key="item_id"):
    minute = count(view, window=tumbling("1m"))
    minute_before = count(view, cart, window=tumbling("1m").previous)
    odd = count(view, buy, window=sliding("10m", hop="4m"))
    hour = total(buy.price, window=sliding("1h"))
    days = count(view, cart, buy, ping, window=daily(2))
    cheapest = minimum(view.price, cart.price, window=daily(1))
    dearest = maximum(view.price, window=sliding("10m", hop="4m"))
    average = mean(view.price, buy.price, window=tumbling("1h"))
    worth = mean(buy.value, window=daily(2))
    spread = variance(view.price, buy.price, window=sliding("1h", hop="5m"))
    convert = ratio(count(buy, window=daily(2)), count(view, window=sliding("1h")), prior=(1, 50))
    margin = ratio(total(buy.price, window=daily(2)), total(buy.value, window=daily(2)))
    fading = count(view, window=decayed("2m"))
    people = distinct(view.user_id, buy.user_id, window=sliding("1h", hop="5m"))
    visits = distinct(view.session_id, window=tumbling("1m").previous)


class ByUser(Features, key="user_id"):
    recent = last(view, cart, n=3, within="30m")
    bought = last(buy, n=1)
    taste = count(view, cart, by=Goods.category, window=decayed("16s"))
    spent = total(buy.price, by=Goods.category, window=daily(1))
    strays = variance(view.price, by=view.brand, window=daily(1))
    usual = mean(view.price, by=view.brand, window=sliding("10m", hop="4m"))
    range_ = count(view, by=view.price.bands("10.00", 25), window=sliding("1h"))
    share = ratio(
        count(buy, by=Goods.fragile, window=daily(1)),
        count(view, by=Goods.fragile, window=daily(1)),
        prior=(0, 0),
    )
    grades = count(view, by=bands(Goods.grade, 2, 5), window=tumbling("1h"))
    hours = count(view, buy, by=hour_of_day("-03:30"), window=daily(1))
    visit = count(view, window=session("2m", within="20m"))
    visit_low = minimum(view.price, window=session("2m", within="20m"))
    visit_items = distinct(view.item_id, ping.item_id, window=session("2m", within="20m"))
    things = distinct(view.item_id, cart.item_id, window=daily(1))
    tastes = distinct(view.category, window=daily(2))
    visit_by = total(buy.price, by=Goods.category, window=session("2m", within="20m"))


class BySession(Features, key="session_id"):
    steps = last(view, cart, buy, n=4)
    paid = total(buy.price, window=session("45s", within="5m"))
    fading_paid = total(buy.price, window=decayed("16s"))


class ByBrand(Features, key="brand"):
    looks = count(view, cart, buy, window=sliding("1h", hop="15m"))
    fans = distinct(view.user_id, window=daily(1))
    least = minimum(view.value, buy.value, window=tumbling("1m").previous)


class ByCategory(Features, key="category"):
    sold = total(buy.price, window=daily(1))
    levels = maximum(cart.level, buy.level, window=tumbling("4m"))


app.surface(
    "home",
    sources=[sessions(weight=1.0), similar(), trending("1h"), trending("7d", weight=0.1)],
    filters=[seen(buy), available(Goods.in_stock)],
    n=5,
)
app.surface(
    "segments",
    sources=[
        trending("1h", by=view.brand),
        trending("24h", by=Goods.category),
        trending("24h", by=buy.level.bands(0, 5)),
        trending("7d", by=bands(Goods.grade, 2, 5)),
        trending("7d", by=view.price.bands("10.00", 25)),
        trending("7d", by=hour_of_day()),
        trending("3d", by=hour_of_day("+05:30")),
    ],
)

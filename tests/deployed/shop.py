"""A shop for the test of the whole: every kind of fact, and a list by text, visits and trends."""

from afresh import (
    App,
    Catalog,
    Features,
    count,
    daily,
    decayed,
    decimal,
    distinct,
    last,
    maximum,
    mean,
    sessions,
    sliding,
    text,
    total,
    trending,
    tumbling,
)

app = App("whole")


class Products(Catalog):
    title: str
    department: str


view, cart, buy = app.events(
    "view", "cart", "buy", weights=(1, 3, 10), value=decimal(2), quantity=int
)


class ByItem(Features, key="item_id"):
    five = count(view, cart, buy, window=tumbling("5m"))
    hour = count(buy, window=sliding("1h"))
    days = total(buy.value, window=daily(2))
    most = maximum(buy.quantity, window=daily(2))
    people = distinct(buy.user_id, window=daily(2))


class ByHousehold(Features, key="user_id"):
    recent = last(buy, n=10)
    spent = total(buy.value, window=daily(2))
    usual = mean(buy.quantity, window=sliding("24h", hop="1h"))
    departments = count(buy, by=Products.department, window=decayed("1d"))


class ByVisit(Features, key="session_id"):
    lines = count(view, cart, buy, window=daily(1))


app.surface(
    "home",
    sources=[text(weight=1.0), sessions(weight=1.0), trending("24h", weight=0.1)],
    n=12,
)

"""The demo's shop: a year of groceries, and a page that changes after every click.

`afresh demo` serves this file. It is an ordinary definition; change a line and start again.
"""

from afresh import (
    App,
    Catalog,
    Features,
    available,
    count,
    daily,
    decayed,
    decimal,
    last,
    mean,
    neighbours,
    newcomers,
    seen,
    sliding,
    total,
    trending,
)

app = App("groceries")


class Products(Catalog):
    title: str
    category: str
    department: str
    brand: str
    price_cents: int  # the median of what was paid for one
    in_stock: bool = True


# The history holds purchases: one event a line of a receipt, whose session is the basket.
# The page adds views and carts. `value` is what was paid for the line.
view, cart, buy = app.events(
    "view",
    "cart",
    "buy",
    weights=(1, 3, 10),
    value=decimal(2),
    price_cents=int,
    quantity=int,
    discount_cents=int,
)


class ItemPulse(Features, key="item_id"):
    views_hour = count(view, window=sliding("1h"))
    buys_day = count(buy, window=sliding("24h", hop="1h"))
    buys_week = count(buy, window=daily(7))
    paid = mean(buy.price_cents, window=daily(30))


class HouseholdNow(Features, key="user_id"):
    recent = last(view, cart, buy, n=20)
    bought = last(buy, n=20)
    categories = count(view, cart, buy, by=Products.category, window=decayed("1d"))
    departments = count(view, cart, buy, by=Products.department, window=decayed("7d"))
    spend = total(buy.value, window=daily(30))
    looked_hour = count(view, window=sliding("1h"))


shown = [seen(view, cart, buy), available(Products.in_stock)]  # something else each time

app.surface(
    "home",
    sources=[neighbours(), trending("24h", weight=0.08), trending("7d", weight=0.04)],
    filters=shown,
    n=12,
    scorer="learned",  # its weights move with every click and purchase that follows an answer
)
app.surface("new", sources=[newcomers(weight=1.0)], filters=shown, n=12)

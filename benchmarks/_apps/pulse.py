"""What is popular now, and what somebody does: seven features, three lists."""

from afresh import (
    App,
    Catalog,
    Features,
    count,
    daily,
    decayed,
    distinct,
    last,
    ratio,
    sliding,
    total,
    tumbling,
)

app = App("pulse")


class Products(Catalog):
    category: str


view = app.event("view", 1)
cart = app.event("cart", 3)
buy = app.event("buy", 10, price_cents=int)


class ItemPulse(Features, key="item_id"):
    views_now = count(view, window=tumbling("5m"))
    views_hour = count(view, window=sliding("1h"))
    conversion = ratio(count(buy, window=daily(7)), count(view, window=daily(7)), prior=(1, 50))
    viewers = distinct(view.user_id, window=daily(1))


class UserNow(Features, key="user_id"):
    recent = last(view, cart, buy, n=50)
    categories = count(view, by=Products.category, window=decayed("2h"))
    spend = total(buy.price_cents, window=daily(30))

"""An app with 30 unsplit numbers about an item, over a handful of tile families."""

from afresh import (
    App,
    Catalog,
    Features,
    count,
    daily,
    decayed,
    maximum,
    mean,
    minimum,
    ratio,
    sliding,
    total,
    trending,
    tumbling,
)

app = App("thirty")


class Products(Catalog):
    title: str
    category: str
    brand: str
    price_cents: int


view, cart, buy = app.events(
    "view", "cart", "buy", weights=(1, 3, 10), price_cents=int, quantity=int
)


class Pulse(Features, key="item_id"):
    views_now = count(view, window=tumbling("5m"))
    views_before = count(view, window=tumbling("5m").previous)
    carts_now = count(cart, window=tumbling("5m"))
    buys_now = count(buy, window=tumbling("5m"))

    views_hour = count(view, window=sliding("1h"))
    carts_hour = count(cart, window=sliding("1h"))
    buys_hour = count(buy, window=sliding("1h"))
    views_quarter = count(view, window=sliding("6h", hop="1h"))
    carts_quarter = count(cart, window=sliding("6h", hop="1h"))
    buys_quarter = count(buy, window=sliding("6h", hop="1h"))
    views_24h = count(view, window=sliding("24h", hop="1h"))
    carts_24h = count(cart, window=sliding("24h", hop="1h"))
    buys_24h = count(buy, window=sliding("24h", hop="1h"))

    views_week = count(view, window=daily(7))
    carts_week = count(cart, window=daily(7))
    buys_week = count(buy, window=daily(7))
    views_month = count(view, window=daily(30))
    carts_month = count(cart, window=daily(30))
    buys_month = count(buy, window=daily(30))
    conversion_week = ratio(
        count(buy, window=daily(7)), count(view, window=daily(7)), prior=(1, 50)
    )
    conversion_month = ratio(
        count(buy, window=daily(30)), count(view, window=daily(30)), prior=(1, 50)
    )
    turnover_week = total(buy.price_cents, window=daily(7))
    turnover_month = total(buy.price_cents, window=daily(30))
    sold_week = total(buy.quantity, window=daily(7))
    paid_month = mean(buy.price_cents, window=daily(30))
    cheapest_month = minimum(buy.price_cents, window=daily(30))
    dearest_month = maximum(buy.price_cents, window=daily(30))

    views_fading = count(view, window=decayed("16h"))
    carts_fading = count(cart, window=decayed("16h"))
    buys_fading = count(buy, window=decayed("16h"))


app.surface("home", sources=[trending("1h")], n=20)

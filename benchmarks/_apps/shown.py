"""A search for hotels: lists that another system makes, with the prices of the moment."""

from afresh import App, Features, daily, mean, neighbours, trending

app = App("shown")
look, click = app.events("look", "click", weights=(1, 20), price=int, request_id=str)


class Person(Features, key="user_id"):
    paid = mean(click.price, window=daily(30))


app.surface("list", sources=[neighbours(), trending("24h")], filters=[], given={"price": "paid"})

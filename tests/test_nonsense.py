"""Whatever is written between the brackets, checking reports it and does not break."""

from __future__ import annotations

from pathlib import Path

from afresh.loading import check

NONSENSE = """from afresh import *
from decimal import Decimal
app = App(5, within=None)
class P(Catalog):
    title: 5
    price: Decimal = 3
    x: "str | None" = None
    y: list[int]
    def f(self): ...
v = app.event(5, weight="x", a="int", b=list)
w = app.event("w", value=float)
app.events("q", weights=(None,))
class A(Features, key=5):
    a = count(v, by=5, window=5)
    b = count(v, by="category", window=sliding(None))
    c = count(v, by=bands(5, "x"), window=daily("x"))
    d = count(v, by=v.zzz.bands("x"), window=decayed(True))
    e = ratio(1, 2, prior=None)
    f = ratio(count(v, window=daily(1)), count(w, window=daily(1)), prior=(True, None))
    g = last(w, n=None, within=None)
    h = total(v, window=daily(1))
    i = total(window=daily(1))
    j = mean(P.x, w.value, window=daily(1))
class B(Features, key="user_id"):
    k = total(v.value, w.title, window=daily(1))
    l = count(w, by=w.value, window=session(5, None))
    m = count(w, by=P.value, window=tumbling(None).previous)
    n = count(w.value, window=sliding("1h", hop=7))
    o = count(w, by=bands(P.y, 1), window=sliding("2s"))
    p = count(w, by=w.value.bands(float("inf")), window=sliding("2s"))
class C(Features, key=""): pass
strange = [5, trending(5), sessions(weight="x", depth="y"), similar(5)]
app.surface(5, sources=strange, filters=[seen(5), available(True), 7], n="x")
app.surface("x", sources="sessions")
"""


def test_nonsense_is_reported_and_breaks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    path.write_text(NONSENSE, encoding="utf-8")
    problems = check(path)
    assert {problem.file for problem in problems} == {str(path)}
    assert all(problem.message and problem.severity == "error" for problem in problems)
    lines = NONSENSE.splitlines()
    features = {n for n, text in enumerate(lines, 1) if text.startswith("    ") and " = " in text}
    fields = {n for n, text in enumerate(lines, 1) if "Decimal = 3" in text or " | None" in text}
    assert features - fields <= {problem.line for problem in problems}

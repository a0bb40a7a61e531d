"""The sources in dictionaries and loops, written without a look at the kernels."""

from __future__ import annotations

import math
from typing import Any

from tests.everything import app
from tests.model import Event, Model

from afresh.retrieve.nearby import Walk
from afresh.retrieve.sessions import Neighbourhood

PLAN = app.plan()


class Slow:
    """The sources in dictionaries and loops, over the model's lists, as of `now`."""

    def __init__(self, events: list[Event], now: int = 1 << 62) -> None:
        model, p = Model(PLAN, events), PLAN.postings

        def lists(key: str, keep: int) -> dict[str, list[Any]]:
            rows = model._newest(key, p.types, keep, p.within)
            return {name: [tuple(e) for e in row if e[0] < now] for name, row in rows}

        self.now = now
        self.postings = lists("item_id", p.per_item)
        self.sessions = lists("visit", p.per_session)
        owners = {f"u:{e.user}" for e in events if e.user}
        self.parties = owners | {f"s:{e.session}" for e in events if e.session}

    def neighbours(
        self, context: list[str], own: set[str], wanted: Neighbourhood
    ) -> dict[str, float]:
        context = context[: wanted.items]
        alike: dict[str, float] = {}
        match: dict[str, tuple[Any, float]] = {}
        for at, item in enumerate(context):
            weight, seen = (len(context) - at) / len(context), set(own)
            for event in self.postings.get(item, [])[-wanted.depth :][::-1]:
                if event[4] not in seen:
                    seen.add(event[4])
                    match.setdefault(event[4], (event, weight))
                    alike[event[4]] = alike.get(event[4], 0.0) + weight
        scores: dict[str, float] = {}
        votes = {}
        for visit, likeness in alike.items():
            event, weight = match[visit]
            age = (event[0] - self.now) / wanted.recency if wanted.recency else 0.0
            votes[visit] = likeness * weight * math.exp(age)
        reaches = dict.fromkeys(votes, wanted.reach)
        costs = {visit: min(len(self.sessions[visit]), 2 * wanted.reach + 1) for visit in votes}
        if wanted.nearest and sum(costs.values()) > wanted.visits:
            close = max((wanted.visits // len(votes) - 1) // 2, wanted.nearest)
            for visit in votes:
                events = self.sessions[visit]
                if events and events[-1][0] - events[0][0] >= 1000 * len(events):
                    reaches[visit] = min(close, wanted.reach)
                    costs[visit] = min(len(events), 2 * reaches[visit] + 1)
        heard = list(votes)
        if sum(costs.values()) > wanted.visits:
            heard.sort(key=lambda visit: -votes[visit])
            spent = [sum(costs[v] for v in heard[: n + 1]) for n in range(len(heard))]
            heard = heard[: max(sum(s <= wanted.visits for s in spent), 1)]
        for visit in heard:
            event, weight = match[visit]
            events = self.sessions[visit]
            here = events.index(event) if event in events else -1
            reach = reaches[visit]
            if len(events) > reach and here < 0:
                continue
            for at, other in enumerate(events):
                if len(events) > reach and abs(at - here) > reach:
                    continue
                vote = votes[visit] * (wanted.earlier if at < here else 1.0)
                scores[other[3]] = scores.get(other[3], 0.0) + vote
        if not wanted.rarity:
            return scores
        rarity = {i: math.log(1 + len(self.parties) / len(self.postings[i])) for i in scores}
        return {item: score * rarity[item] for item, score in scores.items()}

    def walk(
        self, items: list[str], weights: list[float], own: set[str], wanted: Walk
    ) -> dict[str, float]:
        scores: dict[str, float] = {}
        left = wanted.visits
        for place, (item, weight) in enumerate(zip(items, weights, strict=True)):
            newest = self.postings.get(item, [])[-wanted.depth :]
            share = left // (len(items) - place)
            ways, steps = 2 if wanted.backward else 1, wanted.steps
            lengths = [min(len(self.sessions[e[4]]), ways * steps + 1) for e in newest[::-1]]
            looked = max(sum(sum(lengths[: n + 1]) <= share for n in range(len(lengths))), 1)
            if wanted.nearest and looked < len(newest):
                steps = min(max((share // len(newest) - 1) // ways, wanted.nearest), steps)
                lengths = [min(len(self.sessions[e[4]]), ways * steps + 1) for e in newest[::-1]]
                looked = max(sum(sum(lengths[: n + 1]) <= share for n in range(len(lengths))), 1)
            left = max(left - sum(lengths[:looked]), 0)
            newest = newest[-looked:]
            for event in newest:
                visit = self.sessions[event[4]]
                if event[4] in own or event not in visit:
                    continue
                here = visit.index(event)
                for at, other in enumerate(visit):
                    step = at - here
                    if step == 0 or abs(step) > steps or (step < 0 and not wanted.backward):
                        continue
                    if other[3] == item and not wanted.itself:
                        continue
                    worth = weight * (wanted.backward if step < 0 else 1.0)
                    worth /= len(newest) ** wanted.normalised
                    worth /= abs(step) if wanted.by_distance else 1
                    scores[other[3]] = scores.get(other[3], 0.0) + worth
        return {i: score / len(self.postings[i]) ** wanted.common for i, score in scores.items()}

"""Alerts and the dashboard ask for series that there are, with labels that these have."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"
ROW = re.compile(r"^\| `(afresh_\w+)` \| (\w+) \| (.*?) \|", re.MULTILINE)


def series() -> dict[str, set[str]]:
    """Every series, and the labels it can be told apart by."""
    found: dict[str, set[str]] = {"up": {"job", "instance"}}
    for name, kind, labels in ROW.findall(REFERENCE.read_text(encoding="utf-8")):
        known = set(re.findall(r"`(\w+)`", labels)) | {"instance", "job", "role"}
        found |= dict.fromkeys([name] if kind != "histogram" else [], known)
        if kind == "histogram":
            ends = {"_bucket": known | {"le"}, "_sum": known, "_count": known}
            found |= {name + end: labels for end, labels in ends.items()}
    return found


def asked(expression: str) -> None:
    known = series()
    names = re.findall(r"\b(afresh_\w+|up)\b", expression)
    assert names, expression
    labels = set(re.findall(r"(\w+)\s*=~?\s*\"", expression))
    for group in re.findall(r"by \(([^)]*)\)", expression):
        labels |= {label.strip() for label in group.split(",")}
    for name in names:
        assert name in known, (name, expression)
        assert labels <= known[name], (labels - known[name], expression)


def test_alerts() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    for rule in rules["groups"][0]["rules"]:
        asked(rule["expr"])
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_dashboard() -> None:
    file = DEPLOY / "grafana" / "dashboards" / "afresh.json"
    board = json.loads(file.read_text(encoding="utf-8"))
    places = {(p["gridPos"]["x"], p["gridPos"]["y"]) for p in board["panels"]}
    assert len(places) == len(board["panels"])
    for panel in board["panels"]:
        for target in panel["targets"]:
            asked(target["expr"].replace("$instance", "x"))


def test_what_is_scraped_is_started() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    for scraped in config["scrape_configs"][0]["static_configs"]:
        for target in scraped["targets"]:
            name, port = target.split(":")
            assert (name in services, port) == (True, "8000")

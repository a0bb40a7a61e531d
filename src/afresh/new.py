"""`afresh new FOLDER`: a starting definition, a test that passes, a few events."""

from __future__ import annotations

from pathlib import Path

from afresh.errors import AfreshError

APP = '''"""What people see next, made afresh after every event.

    afresh check app.py      # is it sound?
    afresh plan app.py       # what is kept, and for how long?
    afresh import app.py --events events.ndjson
    afresh serve app.py
"""

from afresh import App, Catalog, Features, count, daily, last, sliding

app = App("{name}")


class Items(Catalog):  # what can be recommended
    title: str
    category: str
    available: bool = True


view, like = app.events("view", "like", weights=(1, 5))


class ItemPulse(Features, key="item_id"):
    views_hour = count(view, window=sliding("1h"))
    likes_week = count(like, window=daily(7))


class UserNow(Features, key="user_id"):
    recent = last(view, like, n=50)


app.surface("home", n=20)
'''

TEST = '''"""The definition is sound and means what it says."""

from pathlib import Path

from afresh.loading import check, load

APP = Path(__file__).with_name("app.py")


def test_the_definition_is_sound() -> None:
    assert check(APP) == []


def test_it_computes_these_features() -> None:
    features = {feature.name: feature.key for feature in load(APP).plan().features}
    assert features == {"views_hour": "item_id", "likes_week": "item_id", "recent": "user_id"}
'''

EVENTS = (
    '{"event_type":"view","user_id":"ann","item_id":"i1","timestamp":"2025-01-01T09:00:00Z"}\n'
    '{"event_type":"view","user_id":"ann","item_id":"i2","timestamp":"2025-01-01T09:01:00Z"}\n'
    '{"event_type":"like","user_id":"ann","item_id":"i2","timestamp":"2025-01-01T09:02:00Z"}\n'
    '{"event_type":"view","user_id":"bob","item_id":"i1","timestamp":"2025-01-01T09:05:00Z"}\n'
)


def new(folder: str | Path) -> list[Path]:
    """Write the starting files into `folder` and return their paths.

    Raises AfreshError, and writes nothing, when one of them is there already.
    """
    into = Path(folder)
    files = {
        into / "app.py": APP.replace("{name}", _app_name(into)),
        into / "test_app.py": TEST,
        into / "events.ndjson": EVENTS,
    }
    if into.exists() and not into.is_dir():
        raise AfreshError(f"{into} is a file", hint="Name a folder.")
    there = [path for path in files if path.exists()]
    if there:
        raise AfreshError(
            f"{there[0]} exists already, so nothing was written",
            hint="Name another folder, or move that file away.",
        )
    into.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return list(files)


def _app_name(folder: Path) -> str:
    """The folder's name as an app's: letters, digits and dashes, beginning with a letter."""
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in folder.resolve().name)
    plain = plain.strip("-")[:64]
    return plain if plain[:1].isalpha() else f"app-{plain}"[:64].rstrip("-")

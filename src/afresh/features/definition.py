"""`class ItemPulse(Features, key="item_id")`: a group of features that share a key."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any

from afresh.problems import Place, Problem, here


class Annotations(dict[str, Any]):
    """The annotations of a class body, and the line of each.

    From Python 3.14 on they are not filled in line by line: the class's line must do.
    """

    def __init__(self) -> None:
        super().__init__()
        self.places: dict[str, Place] = {}

    def __setitem__(self, name: str, value: Any) -> None:
        self.places[name] = here()
        super().__setitem__(name, value)


class Body(dict[str, Any]):
    """A class body that notices a name given twice; plain Python would keep the last."""

    def __init__(self) -> None:
        super().__init__()
        self.twice: list[tuple[str, Place]] = []
        if sys.version_info < (3, 14):
            super().__setitem__("__annotations__", Annotations())

    def __setitem__(self, name: str, value: Any) -> None:
        if name in self and not name.startswith("_"):
            self.twice.append((name, here()))
        super().__setitem__(name, value)


def _shadowed(name: str, place: Place) -> int:
    """The line of a declaring class of this name earlier in the same file, or 0."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename != place.file:
        frame = frame.f_back
    old = frame.f_locals.get(name) if frame else None
    if isinstance(old, DeclaredClass) and old._place.file == place.file:
        return old._place.line if old._place.line != place.line else 0
    return 0


class DeclaredClass(type):
    """The class of declaring classes: remembers where each stands and what it repeats."""

    _place: Place
    _problems: list[Problem]

    @classmethod
    def __prepare__(cls, name: str, bases: tuple[type, ...], /, **_: Any) -> Body:
        return Body()

    def __new__(
        meta, name: str, bases: tuple[type, ...], body: Mapping[str, Any], **options: Any
    ) -> Any:
        made = super().__new__(meta, name, bases, dict(body), **options)
        made._place = here()
        twice = body.twice if isinstance(body, Body) else []
        made._problems = [
            Problem(*place, f"{name}.{attribute} is defined twice", "Rename one of them.")
            for attribute, place in twice
        ]
        earlier = _shadowed(name, made._place)
        if earlier:
            message = f"{name} is defined twice: the first stands in line {earlier}"
            made._problems.append(Problem(*made._place, message, "Rename one of them."))
        return made


class Features(metaclass=DeclaredClass):
    """A group of features computed per `key`.

    `key` is `item_id`, `user_id`, `session_id`, or the name of a text property or of a
    catalogue field. Every attribute is one feature; its name is the attribute's.
    """

    _key: str = ""

    def __init_subclass__(cls, *, key: str = "") -> None:
        cls._key = key or cls._key

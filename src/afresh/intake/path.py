"""Where in a message something stands: `$.user.id`, `$.items[0].sku`, `@.product_id`.

`$` is the message, `@` the element of the list that `each` names. The part of JSONPath (RFC 9535)
that names one place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from afresh.errors import AfreshError

_WHOLE = re.compile(r"[$@](?:\.[\w-]+|\[\d+\]|\['[^']+'\])*")
_STEP = re.compile(r"\.([\w-]+)|\[(\d+)\]|\['([^']+)'\]")


@dataclass(frozen=True, slots=True)
class Path:
    """of_element: whether it begins at an element of `each`."""

    of_element: bool
    steps: tuple[str | int, ...]

    def of(self, message: Any, element: Any) -> Any:
        """What stands there; None: nothing does."""
        here = element if self.of_element else message
        for step in self.steps:
            if isinstance(step, int):
                here = here[step] if isinstance(here, list) and step < len(here) else None
            else:
                here = here.get(step) if isinstance(here, dict) else None
            if here is None:
                return None
        return here


def path_of(text: str) -> Path:
    """Raises AfreshError for what is no path."""
    if not _WHOLE.fullmatch(text):
        raise AfreshError(
            f"{text!r} is no path into a message.",
            hint="Write it as $.user.id, $.items[0] or $['a b']; @. begins at an element of each.",
        )
    steps = [int(at) if at else name or quoted for name, at, quoted in _STEP.findall(text)]
    return Path(text[0] == "@", tuple(steps))

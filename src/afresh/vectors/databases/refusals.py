"""What a database's client raises, in words for a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from afresh.errors import Unavailable

HINT = "Start it, or check `vectors`, vectors_key and vectors_timeout."


@contextmanager
def in_words(
    what: str, errors: tuple[type[BaseException], ...], hint: str = HINT
) -> Iterator[None]:
    """Raises Unavailable for each of these errors. what: the database and its address."""
    try:
        yield
    except errors as error:
        raise Unavailable(f"{what} does not do as asked: {error}.", hint=hint) from error

"""What a store of others refuses is said, with what to do; for scripts of other Pythons."""

from __future__ import annotations

from collections.abc import Callable

from afresh.errors import AfreshError, Unavailable


def refused(
    call: Callable[[], object], what: str, kind: type[AfreshError] = Unavailable, hidden: str = "\0"
) -> None:
    """hidden: a secret that must not be said."""
    said = None
    try:
        call()
    except kind as error:
        said = error
    assert said is not None, f"{what} was not said"
    assert what in said.message, said
    assert hidden not in str(said)
    assert said.hint

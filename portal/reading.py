"""One reading: what a page asks several times is asked of the database once, and the page speaks of one moment.

Open only around pages that are read (GET and HEAD, ``portal.web.access.signed_in``). Nothing is decided there; a
service that decides reads anew, after its locks.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")

_read: ContextVar[dict[tuple[Any, ...], Any] | None] = ContextVar("read", default=None)


@contextmanager
def one_reading() -> Iterator[None]:
    """Remember until the end what the functions marked ``once`` gave."""
    token = _read.set({})
    try:
        yield
    finally:
        _read.reset(token)


def once(function: Callable[P, T]) -> Callable[P, T]:
    """Ask once within one reading, for the same arguments; outside of one, each time. Arguments must be hashable."""

    @wraps(function)
    def remembered(*args: P.args, **kwargs: P.kwargs) -> T:
        known = _read.get()
        if known is None:
            return function(*args, **kwargs)
        key = (function, args, tuple(sorted(kwargs.items())))
        if key not in known:
            known[key] = function(*args, **kwargs)
        return cast("T", known[key])

    return remembered

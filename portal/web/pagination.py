"""Pages of a list by cursor: constant cost however deep, and nothing skipped or doubled when rows arrive."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from django.core import signing
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Field, Model, Q, QuerySet

from portal.errors import InvalidInput

Row = TypeVar("Row", bound=Model)

COUNT_CAP: Final = 10_000
MAX_CURSOR: Final = 2_000
_SALT = "bailiwick.web.cursor"


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page. ``count_capped`` is exact up to ``cap``; one more stands for "more than that"."""

    items: list[Row]
    next_cursor: str | None
    count_capped: int
    is_first: bool
    cap: int = COUNT_CAP

    @property
    def count_text(self) -> str:
        """The count for people: ``1,204`` or ``10,000+``."""
        return f"{self.cap:,}+" if self.count_capped > self.cap else f"{self.count_capped:,}"


def page_by_cursor(
    queryset: QuerySet[Row],
    *,
    order: tuple[str, ...],
    cursor: str | None = None,
    size: int = 50,
    count_to: int | None = None,
) -> Page[Row]:
    """The rows after ``cursor`` in ``order`` (field names, ``-`` for descending, the last one unique, none null).

    ``count_to``: where counting stops, for lists of which each row costs something to find (10,000 unless given).
    Raises InvalidInput for a cursor that this list did not give out.
    """
    rows = queryset.order_by(*order)
    after = rows.filter(_beyond(order, _open(queryset, order, cursor))) if cursor else rows
    found = list(after[: size + 1])
    items = found[:size]
    following = _close(queryset, order, items[-1]) if len(found) > size else None
    cap = COUNT_CAP if count_to is None else count_to
    # A first page without a next one is all there is.
    all_here = not cursor and following is None
    count = len(items) if all_here else queryset.order_by().values("pk")[: cap + 1].count()
    return Page(items=items, next_cursor=following, count_capped=min(count, cap + 1), is_first=not cursor, cap=cap)


def _beyond(order: Sequence[str], values: Sequence[Any]) -> Q:
    """``(a, b) > (x, y)`` spelled out, since directions may differ.

    The first column's bound is repeated outside the alternatives: PostgreSQL takes it as the index condition.
    """
    beyond = Q()
    equal = Q()
    for name, value in zip(order, values, strict=True):
        field, step = name.lstrip("-"), "lt" if name.startswith("-") else "gt"
        beyond |= equal & Q(**{f"{field}__{step}": value})
        equal &= Q(**{field: value})
    first = order[0].lstrip("-")
    return Q(**{f"{first}__{'lte' if order[0].startswith('-') else 'gte'}": values[0]}) & beyond


def _label(queryset: QuerySet[Row], order: tuple[str, ...]) -> str:
    return f"{queryset.model._meta.label_lower}:{','.join(order)}"  # noqa: SLF001


def _close(queryset: QuerySet[Row], order: tuple[str, ...], row: Row) -> str:
    """The cursor after ``row``, signed so that a visitor cannot steer the query with values of their own."""
    values = [_plain(_value(row, name.lstrip("-"))) for name in order]
    return signing.dumps(values, salt=f"{_SALT}:{_label(queryset, order)}")


def _open(queryset: QuerySet[Row], order: tuple[str, ...], cursor: str) -> list[Any]:
    bad = InvalidInput("This page address does not belong to this list. Start again from its first page.")
    if len(cursor) > MAX_CURSOR:
        raise bad
    try:
        values = signing.loads(cursor, salt=f"{_SALT}:{_label(queryset, order)}")
        return [_field(queryset, name.lstrip("-")).to_python(value) for name, value in zip(order, values, strict=True)]
    except (signing.BadSignature, ValidationError, ValueError, TypeError, json.JSONDecodeError) as garbage:
        raise bad from garbage


def _field(queryset: QuerySet[Row], name: str) -> "Field[Any, Any]":
    annotation = queryset.query.annotations.get(name)
    if annotation is not None:
        return annotation.output_field
    model: type[Model] | None = queryset.model
    *path, last = name.split("__")
    for step in path:
        model = model._meta.get_field(step).related_model if model else None  # noqa: SLF001
    if model is None:
        raise FieldDoesNotExist(name)
    field = model._meta.pk if last == "pk" else model._meta.get_field(last)  # noqa: SLF001
    assert isinstance(field, Field), name  # noqa: S101 (a reverse relation is a programming error)
    return field


def _value(row: Row, name: str) -> Any:
    value: Any = row
    for step in name.split("__"):
        value = getattr(value, step)
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value

"""Pages by cursor: every row once, in order, whatever the page size, and no cursor but our own."""

from itertools import pairwise

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType

from portal.errors import InvalidInput
from portal.web import pagination
from portal.web.pagination import page_by_cursor

pytestmark = pytest.mark.django_db


@pytest.fixture
def groups() -> list[Group]:
    return [Group.objects.create(name=f"group {number:02}") for number in range(23)]


@pytest.mark.parametrize("order", [("name", "id"), ("-name", "-id"), ("-id",), ("-name", "id")])
@pytest.mark.parametrize("size", [1, 7, 23, 50])
def test_every_row_once_and_in_order(groups: list[Group], order: tuple[str, ...], size: int) -> None:
    seen: list[Group] = []
    cursor = None
    while True:
        page = page_by_cursor(Group.objects.all(), order=order, cursor=cursor, size=size)
        assert page.count_capped == len(groups)
        seen += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == list(Group.objects.order_by(*order))


def test_only_the_first_page_says_so(groups: list[Group]) -> None:
    first = page_by_cursor(Group.objects.all(), order=("name", "id"), size=5)
    second = page_by_cursor(Group.objects.all(), order=("name", "id"), cursor=first.next_cursor, size=5)
    names = [group.name for group in first.items + second.items]
    assert all(left < right for left, right in pairwise(names))
    assert (first.is_first, second.is_first) == (True, False)


def test_rows_that_arrive_meanwhile_neither_repeat_nor_hide_others(groups: list[Group]) -> None:
    first = page_by_cursor(Group.objects.all(), order=("-id",), size=10)
    Group.objects.create(name="newcomer")
    second = page_by_cursor(Group.objects.all(), order=("-id",), cursor=first.next_cursor, size=50)
    assert [group.id for group in first.items + second.items] == sorted((group.id for group in groups), reverse=True)


def test_equal_sort_values_are_told_apart_by_the_last_column() -> None:
    kind = ContentType.objects.get_for_model(Group)
    for number in range(9):
        Permission.objects.create(name="same", codename=f"code {number}", content_type=kind)
    rows = Permission.objects.filter(name="same")
    first = page_by_cursor(rows, order=("name", "-id"), size=4)
    second = page_by_cursor(rows, order=("name", "-id"), cursor=first.next_cursor, size=9)
    assert [row.pk for row in first.items + second.items] == sorted((row.pk for row in rows), reverse=True)


@pytest.mark.parametrize("cursor", ["x", "W10:abc:def", "\x00", "é", "a" * 5000, "%00", "1' OR 1=1--"])
def test_garbage_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput):
        page_by_cursor(Group.objects.all(), order=("-id",), cursor=cursor)


def test_a_cursor_of_another_list_is_refused(groups: list[Group]) -> None:
    other = page_by_cursor(Group.objects.all(), order=("name", "id"), size=2).next_cursor
    with pytest.raises(InvalidInput):
        page_by_cursor(Group.objects.all(), order=("-name", "id"), cursor=other, size=2)


def test_the_count_stops_counting(groups: list[Group], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "COUNT_CAP", 10)
    page = page_by_cursor(Group.objects.all(), order=("id",), size=2)
    assert page.count_capped == 11
    assert page.count_text == "10+"
    nearer = page_by_cursor(Group.objects.all(), order=("id",), size=2, count_to=5)
    assert (nearer.count_capped, nearer.count_text) == (6, "5+")

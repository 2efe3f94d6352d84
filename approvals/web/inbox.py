"""The inbox: what waits, the least time left first, beside the request that is open."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import F, Func, QuerySet, TextField, Value
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from approvals.models import ApprovalRequest
from approvals.rules.risk import Band, band_of
from approvals.selectors.mine import mine
from approvals.selectors.requests import Waiting, find_requests, visible_requests
from approvals.selectors.rulebook import book_of
from approvals.web.detail import detail_context
from approvals.web.filters import InboxFilters
from approvals.web.pulse import pulse_for
from portal.identity.models import Person
from portal.ledger.selectors.entries import database_now
from portal.web.access import signed_in
from portal.web.pagination import Page, page_by_cursor
from registry.rules.actions import CATALOGUE, action_type
from registry.web.asking import person_of

BY_TIME_LEFT: Final = ("expires_at", "number")
NEWEST: Final = ("-opened_at", "-number")


@dataclass(frozen=True)
class InboxRow:
    """One request in a list. ``mine``: the reader may decide it; ``state`` is the derived one.

    ``band`` is the risk as the rulebook speaks of it that the request was opened under.
    """

    request: ApprovalRequest
    label: str
    why: str
    mine: bool
    state: str
    band: str = Band.LOW.value


@signed_in
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """List and detail side by side; on a phone the list alone."""
    person, now = person_of(request), database_now()
    context = _list_context(request, person, now)
    rows: list[InboxRow] = context["rows"]
    chosen = _chosen(request, person, rows)
    if chosen is not None:
        context |= {**detail_context(request, chosen, now=now), "open": chosen.number}
    return render(request, "approvals/inbox.html", context)


@signed_in
@require_safe
def inbox_list(request: HttpRequest) -> HttpResponse:
    """The list as a fragment; 204 when it is what the reader has already (``v``)."""
    # Asked every other second: the names of all agents to choose from are not read for it.
    context = _list_context(request, person_of(request), database_now(), choices=False)
    if request.GET.get("v") == context["list_version"]:
        return HttpResponse(status=204)
    context["open"] = _number(request.GET.get("open", ""))
    return render(request, "approvals/_list.html", context)


def _list_context(request: HttpRequest, person: Person, now: datetime, *, choices: bool = True) -> dict[str, Any]:
    heard = pulse_for(person, now=now)  # before the rows: what changes in between is read again
    filters = InboxFilters(request.GET, person=person, choices=choices)
    search = filters.search
    order: tuple[str, ...] = NEWEST if search.show is Waiting.DECIDED else BY_TIME_LEFT
    if filters.grouped:
        order = ("agent__name", *order)
    found = slim(find_requests(person, search, now=now))
    page = page_by_cursor(found, order=order, cursor=request.GET.get("cursor"))
    rows = rows_for(page.items, person, now=now, all_mine=search.show is Waiting.MINE)
    return {
        "filters": filters,
        "search": search,
        "grouped": filters.grouped,
        "filtered": bool(search.q or search.agent or search.risk or search.asks or search.like),
        "page": page,
        "rows": rows,
        "bundles": bundles(rows),
        "batch_url": reverse("approvals:batch"),
        "unlike_url": _without(request, "like"),
        **heard,
        "list_version": _version(page, rows),
        "live_query": _live_query(request),
    }


def slim(requests: QuerySet[ApprovalRequest]) -> QuerySet[ApprovalRequest]:
    """Rows for a list: without the sealed view, which can be a megabyte."""
    return requests.defer("view", "arguments")


def _reasons(keys: list[UUID]) -> dict[UUID, str]:
    """Of the sealed views of these requests the sentence that says why a person must decide.

    A query of its own: within the list's, PostgreSQL would read the views of all that wait before sorting them.
    """
    text = Func(F("view"), Value("UTF8"), function="convert_from", output_field=TextField())
    sentence = Func(
        text, function="", template="((%(expressions)s)::jsonb #>> '{gated,sentence}')", output_field=TextField()
    )
    return dict(ApprovalRequest.objects.filter(pk__in=keys).order_by().values_list("pk", sentence))


def rows_for(
    requests: list[ApprovalRequest], person: Person, *, now: datetime, all_mine: bool = False
) -> list[InboxRow]:
    """The rows, which the reader may see, with what they may do with each: as many queries for one as for all.

    ``all_mine``: they were chosen for being the reader's to decide, so that is not asked again.
    """
    keys = [request.pk for request in requests]
    if all_mine:
        own = set(keys)
    else:
        own = set(ApprovalRequest.objects.filter(mine(person), pk__in=keys).values_list("pk", flat=True))
    reasons = _reasons(keys)
    return [
        InboxRow(
            request=item,
            label=action_type(item.action).label if item.action in CATALOGUE else item.action,
            why=reasons[item.pk].removeprefix("Needs approval: "),
            mine=item.pk in own,
            state=_state(item, now=now),
            band=band_of(item.risk, book_of(item.rulebook_id).book.risk).value,
        )
        for item in requests
    ]


@dataclass(frozen=True)
class Bundle:
    """Requests on a page that ask alike: the one with the least time left, and the others, which fold behind it."""

    lead: InboxRow
    rest: list[InboxRow]

    @property
    def count(self) -> int:
        return 1 + len(self.rest)


def bundles(rows: list[InboxRow]) -> list[Bundle]:
    """The rows in their order, those that wait and ask like an earlier one behind it."""
    found: dict[tuple[object, ...], Bundle] = {}
    for row in rows:
        item = row.request
        alike = item.precedent and row.state == "pending"
        key = (item.agent_id, item.precedent, row.mine) if alike else (item.pk,)
        if key in found:
            found[key].rest.append(row)
        else:
            found[key] = Bundle(row, [])
    return list(found.values())


def _state(request: ApprovalRequest, *, now: datetime) -> str:
    return "expired" if request.state == "pending" and request.expires_at <= now else request.state


def _version(page: Page[ApprovalRequest], rows: list[InboxRow]) -> str:
    """What the list shows, in a few letters: numbers, states, approvals, and whether each is the reader's."""
    facts = [
        (row.request.number, row.state, getattr(row.request, "approvals", 0), row.mine, row.request.escalations)
        for row in rows
    ]
    return hashlib.sha256(repr((page.count_capped, facts)).encode()).hexdigest()[:16]


def _live_query(request: HttpRequest) -> str:
    query = request.GET.copy()
    for name in ("v", "open"):
        query.pop(name, None)
    return query.urlencode()


def _without(request: HttpRequest, name: str) -> str:
    query = request.GET.copy()
    for gone in (name, "v", "open", "cursor"):
        query.pop(gone, None)
    return f"{reverse('approvals:inbox')}?{query.urlencode()}"


def _chosen(request: HttpRequest, person: Person, rows: list[InboxRow]) -> ApprovalRequest | None:
    """The request that stands open beside the list: the one named in the address, else the first."""
    number = _number(request.GET.get("open", "")) or (rows[0].request.number if rows else 0)
    return visible_requests(person).filter(number=number).first() if number else None


def _number(text: str) -> int:
    text = text.upper().removeprefix("AR-")
    return int(text) if text.isdecimal() and len(text) < 10 else 0

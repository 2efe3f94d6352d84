"""The inbox: what waits, the least time left first, beside the request that is open."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
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
from approvals.rules.workflow import RequestState
from approvals.selectors.mine import mine
from approvals.selectors.requests import Waiting, find_requests, standing_pending, visible_requests
from approvals.selectors.reviewing_many import blocked_among
from approvals.selectors.rulebook import book_of
from approvals.selectors.world import whether
from approvals.web.detail import detail_context
from approvals.web.filters import InboxFilters
from approvals.web.looks import RESOURCE, WHY, Look, drawn, seconds_between, shortened
from approvals.web.pulse import pulse_for
from portal.identity.models import Person
from portal.ledger.selectors.entries import database_now
from portal.web.access import signed_in
from portal.web.pagination import Page, page_by_cursor
from registry.rules.actions import CATALOGUE, action_type
from registry.web.asking import person_of

BY_TIME_LEFT: Final = ("expires_at", "number")
NEWEST: Final = ("-number",)
# Whether a request can still be decided is compared row by row, so nobody counts on for a number that nobody reads.
COUNT_TO: Final = 1_000


@dataclass(frozen=True)
class InboxRow:
    """One request in a list. ``mine``: the reader may decide it; ``state`` is the derived one.

    ``band`` is the risk as the rulebook speaks of it that the request was opened under; ``blocked``: too few people are
    left to complete it; ``html`` how it looks.
    """

    request: ApprovalRequest
    label: str
    why: str
    mine: bool
    state: str
    band: str = Band.LOW.value
    blocked: bool = False
    html: str = ""


@signed_in
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """List and detail side by side; on a phone the list alone."""
    person, now = person_of(request), database_now()
    context = _list_context(request, person, now)
    rows: list[InboxRow] = context["rows"]
    chosen = _chosen(request, person, rows)
    if chosen is not None:
        context |= detail_context(request, chosen, now=now)
    context |= _shown(rows, now=now, current=chosen.number if chosen else 0)
    return render(request, "approvals/inbox.html", context)


@signed_in
@require_safe
def inbox_list(request: HttpRequest) -> HttpResponse:
    """The list as a fragment; 204 when it is what the reader has already (``v``)."""
    # Asked every other second: the names of all agents to choose from are not read for it.
    now = database_now()
    context = _list_context(request, person_of(request), now, choices=False)
    if request.GET.get("v") == context["list_version"]:
        return HttpResponse(status=204)
    context |= _shown(context["rows"], now=now, current=_number(request.GET.get("open", "")))
    return render(request, "approvals/_list.html", context)


def _shown(rows: list[InboxRow], *, now: datetime, current: int) -> dict[str, Any]:
    return {"bundles": bundles(list(draw(rows, now=now, pick=True, current=current)))}


def _list_context(request: HttpRequest, person: Person, now: datetime, *, choices: bool = True) -> dict[str, Any]:
    heard = pulse_for(person, now=now)  # before the rows: what changes in between is read again
    filters = InboxFilters(request.GET, person=person, choices=choices)
    search = filters.search
    order: tuple[str, ...] = NEWEST if search.show is Waiting.DECIDED else BY_TIME_LEFT
    if filters.grouped:
        order = ("agent__name", *order)
    found = slim(find_requests(person, search, now=now))
    page = page_by_cursor(found, order=order, cursor=request.GET.get("cursor"), count_to=COUNT_TO)
    rows = rows_for(page.items, person, now=now, all_mine=search.show is Waiting.MINE)
    filtered = bool(search.q or search.agent or search.risk or search.asks or search.like)
    return {
        "filters": filters,
        "search": search,
        "grouped": filters.grouped,
        "filtered": filtered,
        # What the badge says, where this list is all that waits for the reader: its script need not ask for it.
        "waiting": page.count_capped if search.show is Waiting.MINE and not filtered else None,
        "page": page,
        "rows": rows,
        "batch_url": reverse("approvals:batch"),
        "unlike_url": _without(request, "like"),
        **heard,
        "list_version": _version(page, rows),
        "live_query": _live_query(request),
    }


def slim(requests: QuerySet[ApprovalRequest]) -> QuerySet[ApprovalRequest]:
    """Rows for a list: what is shown there, without the sealed view, which can be a megabyte."""
    return requests.select_related(None).select_related("agent").only(*_IN_A_ROW)


_IN_A_ROW: Final = (
    "number", "agent__name", "action", "resource", "initiator_label", "opened_at", "expires_at", "state", "quorum",
    "escalations", "risk", "rulebook_id", "precedent",
)  # fmt: skip
_MOST_REASONS: Final = 5_000
_reasons_read: dict[UUID, str] = {}


def _reasons(keys: Iterable[UUID]) -> dict[UUID, str]:
    """Why a person must decide, of each of these requests; read once, since what is sealed never changes."""
    found = {key: text for key in keys if (text := _reasons_read.get(key)) is not None}
    missing = [key for key in keys if key not in found]
    if missing:
        fresh = {key: shortened(text.removeprefix("Needs approval: "), WHY) for key, text in _sealed(missing).items()}
        if len(_reasons_read) + len(fresh) > _MOST_REASONS:
            _reasons_read.clear()
        _reasons_read.update(fresh)
        found |= fresh
    return found


def _sealed(keys: list[UUID]) -> dict[UUID, str]:
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
    facts = dict.fromkeys(keys, (True, True)) if all_mine else _facts(keys, person, now=now)
    reasons = _reasons(keys)
    blocked = _blocked(requests, facts)
    return [
        InboxRow(
            request=item,
            label=action_type(item.action).label if item.action in CATALOGUE else item.action,
            why=reasons[item.pk],
            mine=facts[item.pk][0],
            state=_state(item, now=now, stands=facts[item.pk][1]),
            band=band_of(item.risk, book_of(item.rulebook_id).book.risk).value,
            blocked=item.pk in blocked,
        )
        for item in requests
    ]


def _blocked(requests: list[ApprovalRequest], facts: Mapping[UUID, tuple[bool, bool]]) -> Mapping[UUID, str]:
    """Which of these nobody can complete. What the reader alone can decide is not asked: most of an inbox is that."""
    asked = [item.pk for item in requests if facts[item.pk][1] and not (facts[item.pk][0] and item.quorum == 1)]
    return blocked_among(ApprovalRequest.objects.filter(pk__in=asked)) if asked else {}


def _facts(keys: list[UUID], person: Person, *, now: datetime) -> Mapping[UUID, tuple[bool, bool]]:
    """Of each of these requests whether the reader may decide it, and whether it can still be decided at all."""
    rows = ApprovalRequest.objects.filter(pk__in=keys).order_by()
    asked = rows.values_list("pk", whether(mine(person)), whether(standing_pending(now)))
    return {key: (own, stands) for key, own, stands in asked}


def draw(rows: Iterable[InboxRow], *, now: datetime, pick: bool = False, current: int = 0) -> Iterable[InboxRow]:
    """The rows with their HTML. ``pick``: they can be selected; ``current``: the number of the one that stands open."""
    for row in rows:
        item = row.request
        look = Look(
            number=item.number,
            label=item.label,
            action=row.label,
            resource=shortened(item.resource, RESOURCE),
            why=row.why,
            state=row.state,
            band=row.band,
            blocked=row.blocked,
            agent=item.agent.name,
            initiator=item.initiator_label,
            opened_at=item.opened_at,
            ago=seconds_between(item.opened_at, now),
            expires_at=item.expires_at,
            left=seconds_between(now, item.expires_at),
            approvals=getattr(item, "approvals", None),
            quorum=item.quorum,
            escalated=bool(item.escalations),
            mine=row.mine,
            pick=pick,
            current=item.number == current,
        )
        yield replace(row, html=drawn(look))


@dataclass(frozen=True)
class Bundle:
    """Requests on a page that ask alike: the one with the least time left, and the others, which fold behind it."""

    lead: InboxRow
    rest: list[InboxRow]

    @property
    def riskier(self) -> str:
        """The highest band among those folded away, where it is above that of the one in sight; else empty."""
        order = [band.value for band in Band]
        highest = max((row.band for row in self.rest), key=order.index, default=self.lead.band)
        return highest if order.index(highest) > order.index(self.lead.band) else ""


def bundles(rows: list[InboxRow]) -> list[Bundle]:
    """The rows in their order, those that wait and ask like an earlier one behind it."""
    found: dict[tuple[object, ...], Bundle] = {}
    for row in rows:
        item = row.request
        alike = item.precedent and row.state == "pending"
        key = (item.agent_id, item.precedent, row.mine, row.blocked) if alike else (item.pk,)
        if key in found:
            found[key].rest.append(row)
        else:
            found[key] = Bundle(row, [])
    return list(found.values())


def _state(request: ApprovalRequest, *, now: datetime, stands: bool) -> str:
    """The state as ``overtaken`` would give it, also before the sweep has written it down."""
    if stands or request.state != RequestState.PENDING.value:
        return request.state
    return (RequestState.EXPIRED if request.expires_at <= now else RequestState.VOIDED).value


def _version(page: Page[ApprovalRequest], rows: list[InboxRow]) -> str:
    """What the list shows, in a few letters: numbers, states, approvals, whether each is the reader's, and blocked."""
    facts = [
        (
            row.request.number,
            row.state,
            getattr(row.request, "approvals", 0),
            row.mine,
            row.blocked,
            row.request.escalations,
        )
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

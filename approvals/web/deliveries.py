"""The page of deliveries: what was sent, what waits and what was given up, and the posts that send it again."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Case, IntegerField, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from approvals.models import Delivery
from approvals.rules.messages import Notice
from approvals.rules.notices import DeliveryState, NoticeKind
from approvals.selectors.notices import dead_count, delivery_for, may_replay, standing_channels, visible_deliveries
from approvals.services.deliveries import MOST_REPLAYED, replay, replay_all
from approvals.web.notice_forms import EVENTS, DeliveryFilters, roles_of
from portal.errors import Conflict, NotAllowed
from portal.identity.selectors.people import authority_of
from portal.web.access import signed_in
from portal.web.pagination import page_by_cursor
from registry.web.asking import person_of

_DEAD_FIRST = Case(When(state=DeliveryState.DEAD.value, then=Value(0)), default=Value(1), output_field=IntegerField())


@signed_in
@require_safe
def delivery_list(request: HttpRequest) -> HttpResponse:
    """Given up first, then the newest."""
    person = person_of(request)
    filters = DeliveryFilters(request.GET)
    found = visible_deliveries(person).filter(**filters.conditions).annotate(rank=_DEAD_FIRST)
    page = page_by_cursor(found, order=("rank", "-made_at", "-id"), cursor=request.GET.get("cursor"))
    context = {
        "filters": filters,
        "filtered": bool(filters.conditions),
        "page": page,
        "rows": rows_of(page.items),
        "dead": dead_count(person),
        **roles_of(person),
    }
    return render(request, "approvals/deliveries.html", context)


@signed_in
@require_POST
def replay_one(request: HttpRequest, delivery_id: UUID) -> HttpResponse:
    person = person_of(request)
    try:
        replay(actor=person, delivery=delivery_for(person, delivery_id))
    except Conflict as error:
        messages.warning(request, error.detail)
    else:
        messages.success(request, "It is tried again within seconds.")
    return redirect("approvals:deliveries")


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def replay_every(request: HttpRequest) -> HttpResponse:
    """GET asks, POST does."""
    person = person_of(request)
    if not may_replay(authority_of(person)):
        raise NotAllowed("Managers, security and operators have messages sent again.")
    dead = dead_count(person)
    if request.method != "POST":
        return render(request, "approvals/deliveries_replay.html", {"dead": dead, "most": MOST_REPLAYED})
    try:
        count = replay_all(actor=person)
    except Conflict as error:
        messages.warning(request, error.detail)
    else:
        messages.success(request, f"{count} {'message is' if count == 1 else 'messages are'} tried again.")
    return redirect("approvals:deliveries")


def rows_of(deliveries: Iterable[Delivery]) -> list[dict[str, Any]]:
    """What a table shows of each: never an address or a secret."""
    deliveries = list(deliveries)
    channels = {one.channel_id for one in deliveries if one.channel_id is not None}
    standing = set(standing_channels().filter(pk__in=channels).values_list("pk", flat=True))
    return [
        {
            "delivery": one,
            "about": EVENTS[NoticeKind(one.event)],
            "notice": Notice.read(one.content),
            "is_dead": one.state == DeliveryState.DEAD.value,
            "is_waiting": one.state == DeliveryState.WAITING.value,
            "linked": one.channel_id in standing,
            "replayable": one.channel is None or (one.channel_id in standing and one.channel.ended_at is None),
        }
        for one in deliveries
    ]

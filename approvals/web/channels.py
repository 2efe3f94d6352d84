"""The pages of channels: places outside that are told. A secret is shown by the answer that made it, never again."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from approvals.models import Channel
from approvals.rules.notices import ChannelKind
from approvals.selectors.notices import channel_for, may_set_up, visible_channels, waiting_for_channel
from approvals.services.channels import add_channel, change_channel, end_channel, try_channel
from approvals.web.deliveries import rows_of
from approvals.web.notice_forms import KINDS, ChannelChangeForm, ChannelForm, roles_of
from portal.errors import Conflict, InvalidInput, NotAllowed
from portal.identity.models import Person
from portal.identity.selectors.people import authority_of
from portal.identity.web.step_up import recently_authenticated, to_confirm
from portal.web.access import signed_in
from registry.web.asking import person_of, show_in

FEW = 20


@signed_in
@require_safe
def channel_list(request: HttpRequest) -> HttpResponse:
    """The channels that are told now; the ended ones below."""
    person = person_of(request)
    found = list(visible_channels(person).order_by("name", "id"))
    context = {
        "live": [channel for channel in found if channel.ended_at is None],
        "ended": [channel for channel in found if channel.ended_at is not None][-FEW:],
        **roles_of(person),
    }
    return render(request, "approvals/channels.html", context)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """The form of a new channel; what it sends goes outside, so it takes a fresh proof of who asks."""
    person = person_of(request)
    if not roles_of(person)["may_add"]:
        raise NotAllowed("Managers and security set channels up.")
    initial = {"about": request.GET.get("about", "")}
    form = ChannelForm(request.POST if request.method == "POST" else None, person=person, initial=initial)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            if not recently_authenticated(request):
                return to_confirm(request)
            try:
                made, secret = add_channel(actor=person, **form.asked)
            except (InvalidInput, Conflict) as error:
                show_in(form, error)
                status = error.status if isinstance(error, Conflict) else 422
            else:
                return _done(request, made, secret, "The channel is added.")
    return render(request, "approvals/channel_add.html", {"form": form}, status=status)


@signed_in
@require_safe
def channel(request: HttpRequest, channel_id: UUID) -> HttpResponse:
    """One channel and what was last sent to it."""
    person = person_of(request)
    found = channel_for(person, channel_id)
    last = found.deliveries.select_related("request").order_by("-made_at", "-id")[:FEW]
    return render(request, "approvals/channel.html", {**_context(person, found), "rows": rows_of(last)})


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, channel_id: UUID) -> HttpResponse:
    """Another name, address or secret."""
    person = person_of(request)
    found = _to_set_up(person, channel_id)
    form = ChannelChangeForm(request.POST if request.method == "POST" else None, channel=found)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            if not recently_authenticated(request):
                return to_confirm(request)
            try:
                changed, secret = change_channel(actor=person, channel=found, **form.cleaned_data)
            except (InvalidInput, Conflict) as error:
                show_in(form, error)
                status = error.status if isinstance(error, Conflict) else 422
            else:
                return _done(request, changed, secret, "The channel is changed.")
    return render(request, "approvals/channel_change.html", {**_context(person, found), "form": form}, status=status)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, channel_id: UUID) -> HttpResponse:
    """GET asks, POST does."""
    person = person_of(request)
    found = _to_set_up(person, channel_id)
    if request.method == "POST":
        dropped = end_channel(actor=person, channel=found)
        words = (
            f"{dropped} waiting message{'' if dropped == 1 else 's'} dropped." if dropped else "Nothing waited for it."
        )
        messages.success(request, f"{found.name} is told nothing more. {words}")
        return redirect("approvals:channels")
    context = {**_context(person, found), "waiting": waiting_for_channel(found)}
    return render(request, "approvals/channel_end.html", context)


@signed_in
@require_POST
def test(request: HttpRequest, channel_id: UUID) -> HttpResponse:
    """Send a test message."""
    person = person_of(request)
    found = _to_set_up(person, channel_id)
    try_channel(actor=person, channel=found)
    messages.success(request, "A test message is on its way. Look below in a few seconds.")
    return redirect("approvals:channel", channel_id=found.pk)


def _to_set_up(person: Person, channel_id: UUID) -> Channel:
    found = channel_for(person, channel_id)
    if not may_set_up(authority_of(person), _team_of(found)):
        raise NotAllowed("Security and the team's managers set this channel up.")
    return found


def _team_of(found: Channel) -> UUID | None:
    return found.agent.owner_team_id if found.agent is not None else found.team_id


def _context(person: Person, found: Channel) -> dict[str, object]:
    return {
        "channel": found,
        "kind": KINDS[ChannelKind(found.kind)],
        "signed": found.kind == ChannelKind.WEBHOOK.value,
        "may_set_up": may_set_up(authority_of(person), _team_of(found)) and found.ended_at is None,
    }


def _done(request: HttpRequest, made: Channel, secret: str | None, words: str) -> HttpResponse:
    if secret is None:
        messages.success(request, words)
        return redirect(reverse("approvals:channel", args=[made.pk]))
    response = render(request, "approvals/channel_secret.html", {"channel": made, "secret": secret, "words": words})
    response["Cache-Control"] = "no-store"
    return response

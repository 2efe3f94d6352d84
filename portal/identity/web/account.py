"""My account: name, roles, API tokens, and the ways in which I sign in."""

from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from portal.identity.rules.roles import Role
from portal.identity.selectors.people import actor_for, authority_of, roles_held
from portal.identity.selectors.tokens import tokens_of
from portal.identity.services.people import rename_person
from portal.identity.services.tokens import issue_token, revoke_token
from portal.identity.web.access import me
from portal.identity.web.forms import NameForm, TokenForm
from portal.identity.web.step_up import step_up


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """What the portal knows of me, and where I change it."""
    person = me(request)
    form = NameForm(request.POST if request.method == "POST" else None, initial={"name": person.name})
    if request.method == "POST" and form.is_valid():
        rename_person(actor=actor_for(person), person=person, name=form.cleaned_data["name"])
        messages.success(request, "Your name is saved.")
        return redirect("settings")
    methods = list(Authenticator.objects.filter(user=person).values_list("type", flat=True))
    context = {
        "form": form,
        "roles": roles_held(person),
        "teams": [membership.team for membership in person.memberships.select_related("team").order_by("team__name")],
        "has_app": Authenticator.Type.TOTP in methods,
        "passkeys": methods.count(Authenticator.Type.WEBAUTHN),
        "sessions": UserSession.objects.filter(user=person).count(),
        "tokens": tokens_of(person, live_only=True).count(),
        "is_operator": authority_of(person).has(Role.OPERATOR),
    }
    return render(request, "identity/account.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD"])
def tokens(request: HttpRequest) -> HttpResponse:
    """My tokens; their texts are not here, only what tells them apart."""
    return render(request, "identity/tokens.html", _tokens(request, TokenForm()))


@login_required
@require_POST
@step_up
def token_new(request: HttpRequest) -> HttpResponse:
    """Issue a token. The answer shows it, this once: no redirect, because the text is stored nowhere."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return render(request, "identity/tokens.html", _tokens(request, form), status=422)
    token, text = issue_token(person=me(request), name=form.cleaned_data["name"], days=form.cleaned_data["days"])
    return render(request, "identity/token_shown.html", {"token": token, "text": text}, status=201)


@login_required
@require_POST
def token_revoke(request: HttpRequest, token_id: UUID) -> HttpResponse:
    revoke_token(person=me(request), token_id=token_id)
    messages.success(request, "The token no longer works.")
    return redirect("identity:tokens")


def _tokens(request: HttpRequest, form: TokenForm) -> dict[str, object]:
    person = me(request)
    return {"form": form, "tokens": tokens_of(person), "is_operator": authority_of(person).has(Role.OPERATOR)}

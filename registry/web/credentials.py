"""The pages of an agent's credentials: the token is in one response and nowhere else."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.models import Person
from portal.ledger.selectors.entries import database_now
from portal.web.access import signed_in
from registry.models import Agent, Credential
from registry.selectors.agents import agent_for, credentials_of
from registry.services.credential import issue_credential, revoke_credential
from registry.web.agents import agent_context
from registry.web.asking import person_of, show_in
from registry.web.connect import token_line
from registry.web.forms import CredentialForm


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def credential_list(request: HttpRequest, slug: str) -> HttpResponse:
    """GET shows them; POST issues one and answers with its token, the only time it is ever shown."""
    person = person_of(request)
    agent = agent_for(person, slug)
    if request.method != "POST":
        return _page(request, person, agent, CredentialForm())
    form = CredentialForm(request.POST)
    if not form.is_valid():
        return _page(request, person, agent, form, status=422)
    try:
        credential, token = issue_credential(actor=person, agent=agent, **form.cleaned_data)
    except (InvalidInput, Conflict) as error:
        show_in(form, error)
        return _page(request, person, agent, form, status=error.status)
    context = {
        **agent_context(person, agent, "credentials"),
        "credential": credential,
        "token": token,
        "export_text": token_line(token),
        "base_url": settings.BAILIWICK_BASE_URL,
    }
    response = render(request, "registry/credential_issued.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _page(
    request: HttpRequest, person: Person, agent: Agent, form: CredentialForm, *, status: int = 200
) -> HttpResponse:
    now = database_now()
    rows = [
        {"credential": one, "state": _state(one, expired=one.expires_at <= now)} for one in credentials_of(agent)[:200]
    ]
    context = {**agent_context(person, agent, "credentials"), "form": form, "rows": rows}
    return render(request, "registry/agent_credentials.html", context, status=status)


def _state(credential: Credential, *, expired: bool) -> str:
    if credential.revoked_at is not None:
        return "revoked"
    return "expired" if expired else "valid"


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: HttpRequest, slug: str, credential_id: UUID) -> HttpResponse:
    """GET asks, POST does: two clicks, with or without scripts."""
    person = person_of(request)
    agent = agent_for(person, slug)
    context = agent_context(person, agent, "credentials")
    if not context["may_manage"]:
        raise NotAllowed(f"Only a manager of {agent.owner_team.name} revokes its credentials.")
    if request.method == "POST":
        credential = revoke_credential(actor=person, agent=agent, credential_id=credential_id)
        messages.success(request, f"Credential {credential.name} is revoked. Its next check is refused.")
        return redirect("registry:agent_credentials", slug=agent.slug)
    found = credentials_of(agent).filter(pk=credential_id).first()
    if found is None:
        raise NotFound("This agent has no such credential.")
    return render(request, "registry/credential_revoke.html", {**context, "credential": found})

"""The pages of an agent's credentials: a token is in one response and nowhere else."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from portal.errors import Conflict, InvalidInput, NotAllowed
from portal.identity.models import Person
from portal.identity.web.step_up import recently_authenticated, to_confirm
from portal.ledger.selectors.entries import database_now
from portal.web.access import signed_in
from registry.models import Agent, Credential
from registry.selectors.agents import agent_for
from registry.selectors.charters import policy_of
from registry.selectors.credentials import (
    MOST_EXCHANGED,
    credential_for,
    exchanged_counts,
    known_issuers,
    live_trusts,
    refused_lately,
    rows_of,
)
from registry.services.credential import issue_credential, revoke_all, revoke_credential, rotate_credential
from registry.web.agents import agent_context
from registry.web.asking import person_of, show_in
from registry.web.connect import token_line
from registry.web.credential_forms import CredentialForm, RevokeAllForm, RotationForm


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def credential_list(request: HttpRequest, slug: str) -> HttpResponse:
    """GET shows them; POST issues one and answers with its token, the only time it is ever shown."""
    person = person_of(request)
    agent = agent_for(person, slug)
    if request.method != "POST":
        return _page(request, person, agent, CredentialForm())
    context = managed_context(person, agent, "issues its credentials")
    form = CredentialForm(request.POST, policy=policy_of(agent))
    if not form.is_valid():
        return _page(request, person, agent, form, status=422)
    if not recently_authenticated(request):
        return to_confirm(request)
    try:
        credential, token = issue_credential(actor=person, agent=agent, **form.asked())
    except (InvalidInput, Conflict) as error:
        show_in(form, error)
        return _page(request, person, agent, form, status=error.status)
    return _shown_once(request, context, credential, token)


def managed_context(person: Person, agent: Agent, act: str) -> dict[str, object]:
    """The context of a page that only managers of the owner team get."""
    context = agent_context(person, agent, "credentials")
    if not context["may_manage"]:
        raise NotAllowed(f"Only a manager of {agent.owner_team.name} {act}.")
    return context


def _shown_once(
    request: HttpRequest, context: dict[str, object], credential: Credential, token: str, old: Credential | None = None
) -> HttpResponse:
    more = {
        "credential": credential,
        "old": old,
        "token": token,
        "export_text": token_line(token),
        "base_url": settings.BAILIWICK_BASE_URL,
    }
    response = render(request, "registry/credential_issued.html", {**context, **more})
    response["Cache-Control"] = "no-store"
    return response


def _page(
    request: HttpRequest, person: Person, agent: Agent, form: CredentialForm, *, status: int = 200
) -> HttpResponse:
    now = database_now()
    issued = rows_of(agent, now, exchanged=False)
    labels = {one.issuer: one.label for one in known_issuers().values()}
    trusts = list(live_trusts(agent))
    context = {
        **agent_context(person, agent, "credentials"),
        "form": form,
        "rows": issued,
        "soon": [row for row in issued if row.soon],
        "any_live": any(row.state == "valid" for row in issued),
        "exchanged": rows_of(agent, now, exchanged=True),
        "exchanged_counts": exchanged_counts(agent, now),
        "most_exchanged": MOST_EXCHANGED,
        "trusts": [(trust, labels.get(trust.issuer)) for trust in trusts],
        "refused": refused_lately(agent),
        "issuers": list(known_issuers().values()),
        "exchange_on": settings.BAILIWICK_OIDC_EXCHANGE,
    }
    return render(request, "registry/agent_credentials.html", context, status=status)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def rotate(request: HttpRequest, slug: str, credential_id: UUID) -> HttpResponse:
    """GET asks for how long; POST issues the new one and answers with its token, once."""
    person = person_of(request)
    agent = agent_for(person, slug)
    context = managed_context(person, agent, "rotates its credentials")
    old = credential_for(agent, credential_id)
    form = RotationForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            if not recently_authenticated(request):
                return to_confirm(request)
            try:
                new, token = rotate_credential(
                    actor=person, agent=agent, credential_id=credential_id, **form.cleaned_data
                )
            except (InvalidInput, Conflict) as error:
                show_in(form, error)
                status = error.status
            else:
                return _shown_once(request, context, new, token, credential_for(agent, credential_id))
    row = next((row for row in rows_of(agent, database_now(), exchanged=False) if row.credential.pk == old.pk), None)
    return render(
        request,
        "registry/credential_rotate.html",
        {**context, "credential": old, "row": row, "form": form},
        status=status,
    )


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: HttpRequest, slug: str, credential_id: UUID) -> HttpResponse:
    """GET asks, POST does: two clicks, with or without scripts."""
    person = person_of(request)
    agent = agent_for(person, slug)
    context = managed_context(person, agent, "revokes its credentials")
    if request.method == "POST":
        credential = revoke_credential(actor=person, agent=agent, credential_id=credential_id)
        messages.success(request, f"Credential {credential.name} is revoked. Its next check is refused.")
        return redirect("registry:agent_credentials", slug=agent.slug)
    found = credential_for(agent, credential_id)
    return render(request, "registry/credential_revoke.html", {**context, "credential": found})


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def revoke_every(request: HttpRequest, slug: str) -> HttpResponse:
    """GET says how many, POST revokes them all."""
    person = person_of(request)
    agent = agent_for(person, slug)
    context = managed_context(person, agent, "revokes its credentials")
    if request.method == "POST":
        form = RevokeAllForm(request.POST)
        ended, trusts = revoke_all(
            actor=person, agent=agent, trusts=form.is_valid() and bool(form.cleaned_data["trusts"])
        )
        also = f" and {_count(trusts, 'trust')}" if trusts else ""
        messages.success(request, f"{_count(ended, 'credential')}{also} revoked. The next check is refused.")
        return redirect("registry:agent_credentials", slug=agent.slug)
    now = database_now()
    live = [row for row in rows_of(agent, now, exchanged=False) if row.state == "valid"]
    more = {
        "live": live,
        "exchanged_live": exchanged_counts(agent, now)["live"],
        "trust_count": live_trusts(agent).count(),
        "form": RevokeAllForm(),
    }
    return render(request, "registry/credentials_revoke.html", {**context, **more})


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number or 'No'} {word}s"

"""The pages of an agent's trusts: whose outside tokens may be exchanged, and what a workflow must do for it."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from portal.errors import Conflict, InvalidInput, NotFound
from portal.identity.web.step_up import recently_authenticated, to_confirm
from portal.ledger.selectors.entries import database_now
from portal.web.access import signed_in
from registry.rules.trust import Issuer, IssuerKind
from registry.selectors.agents import agent_for
from registry.selectors.credentials import exchanged_counts, known_issuers, trust_for
from registry.services.exchange import MINUTES
from registry.services.trust import revoke_trust, trust_issuer
from registry.web.agents import agent_context
from registry.web.asking import person_of, show_in
from registry.web.credential_forms import TrustForm
from registry.web.credentials import managed_context
from registry.web.exchange_snippets import exchange_lines, github_workflow


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest, slug: str, issuer: str) -> HttpResponse:
    """The form of one issuer's trust."""
    person = person_of(request)
    agent = agent_for(person, slug)
    context = managed_context(person, agent, "says whose tokens it trusts")
    known = _named(issuer)
    form = TrustForm(request.POST if request.method == "POST" else None, issuer=known)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            if not recently_authenticated(request):
                return to_confirm(request)
            try:
                trust = trust_issuer(actor=person, agent=agent, **form.asked())
            except InvalidInput as error:
                form.show(error.errors)
            except Conflict as error:
                show_in(form, error)
                status = error.status
            else:
                messages.success(request, f"{agent.name} trusts {known.label} for {trust.name}.")
                return redirect("registry:trust", slug=agent.slug, trust_id=trust.pk)
    more = {"form": form, "issuer": known, "issuers": list(known_issuers().values()), "minutes": MINUTES}
    return render(request, "registry/trust_add.html", {**context, **more}, status=status)


def _named(name: str) -> Issuer:
    found = next((one for one in known_issuers().values() if one.name == name), None)
    if found is None:
        raise NotFound("This portal knows no issuer of that name.")
    return found


@signed_in
@require_safe
def trust(request: HttpRequest, slug: str, trust_id: UUID) -> HttpResponse:
    """One trust: what a token must say, and the lines that exchange one."""
    person = person_of(request)
    agent = agent_for(person, slug)
    found = trust_for(agent, trust_id)
    issuer = known_issuers().get(found.issuer)
    is_github = issuer is not None and issuer.kind is IssuerKind.GITHUB
    facts = {"base_url": settings.BAILIWICK_BASE_URL, "agent": agent.slug}
    more = {
        "trust": found,
        "issuer": issuer,
        "claims": sorted(found.claims.items()),
        "is_github": is_github,
        "snippet": github_workflow(audience=found.audience, **facts) if is_github else exchange_lines(**facts),
        "minutes": MINUTES,
        "exchange_on": settings.BAILIWICK_OIDC_EXCHANGE,
    }
    return render(request, "registry/trust.html", {**agent_context(person, agent, "credentials"), **more})


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: HttpRequest, slug: str, trust_id: UUID) -> HttpResponse:
    """GET asks, POST does."""
    person = person_of(request)
    agent = agent_for(person, slug)
    context = managed_context(person, agent, "revokes its trusts")
    if request.method == "POST":
        gone = revoke_trust(actor=person, agent=agent, trust_id=trust_id)
        messages.success(request, f"The trust {gone.name} is revoked. The next exchange is refused.")
        return redirect("registry:agent_credentials", slug=agent.slug)
    found = trust_for(agent, trust_id)
    live = exchanged_counts(agent, database_now(), trust=found)["live"]
    return render(request, "registry/trust_revoke.html", {**context, "trust": found, "live": live, "minutes": MINUTES})

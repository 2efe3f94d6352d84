"""What each kind of person gets from the registry's routes by a plain GET."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from portal.ledger.selectors.entries import database_now
from registry.rules.kill import ScopeKind
from registry.rules.runs import run_id
from registry.rules.trust import BUILT_IN
from registry.selectors.policies import Subject
from registry.services.credential import issue_credential
from registry.services.drill import plan_drill
from registry.services.kill import order_kill
from registry.services.lease import Point, hold_lease
from registry.services.policy import change_policy
from registry.services.recertification import open_campaign
from registry.services.stopfile import publish_stops
from registry.services.trust import trust_issuer
from tests.matrix import Row, only, who
from tests.organisation import Organisation, active_agent, credential_for, draft_agent
from tests.registry.policies import propose, said_by_organisation
from tests.registry.recording import attached, noticed, offered, suspended

Arguments = Callable[[Organisation], Mapping[str, Any]]


def _active(organisation: Organisation) -> Mapping[str, Any]:
    return {"slug": active_agent(organisation).slug}


def _draft(**more: str) -> Arguments:
    return lambda organisation: {"slug": draft_agent(organisation).slug, **more}


def _reference(organisation: Organisation) -> Mapping[str, Any]:
    return {"reference": active_agent(organisation).slug}


def _credential(key: str) -> Arguments:
    def make(organisation: Organisation) -> Mapping[str, Any]:
        agent = active_agent(organisation)
        credential, _ = issue_credential(actor=organisation.manager, agent=agent, name="ci", days=1)
        return {key: agent.slug, "credential_id": credential.pk}

    return make


def _trust(key: str) -> Arguments:
    def make(organisation: Organisation) -> Mapping[str, Any]:
        agent = active_agent(organisation)
        trust = trust_issuer(
            actor=organisation.manager,
            agent=agent,
            name="nightly",
            issuer=BUILT_IN[0].issuer,
            audience="https://portal.example",
            claims={"repository_id": "1"},
        )
        return {key: agent.slug, "trust_id": trust.pk}

    return make


def _trusted_issuer(organisation: Organisation) -> Mapping[str, Any]:
    return {"slug": active_agent(organisation).slug, "issuer": "github"}


def _proposal(organisation: Organisation) -> Mapping[str, Any]:
    return {"number": propose(organisation.manager, active_agent(organisation)).number}


def _baseline(organisation: Organisation) -> Mapping[str, Any]:
    said_by_organisation(organisation.security, {"limits": {"files": 5}})
    return {}


def _team_baseline(organisation: Organisation) -> Mapping[str, Any]:
    team, document = Subject.of_team(organisation.payments), {"limits": {"files": 5}}
    change_policy(actor=organisation.manager, subject=team, document=document, based_on=0, reason="an audit")
    return {"slug": "payments"}


def _stop(organisation: Organisation) -> Mapping[str, Any]:
    agent = active_agent(organisation)
    order = order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="a drill")
    return {"number": order.number}


def _run(organisation: Organisation) -> Mapping[str, Any]:
    """A run that the portal knows by the lease of a point that works in it."""
    agent = active_agent(organisation)
    point = Point(name="runner", kind="ci", session="session-1")
    hold_lease(token=credential_for(organisation, agent), point=point)
    return {"run": run_id(agent.pk, "session-1")}


def _campaign(organisation: Organisation) -> Mapping[str, Any]:
    active_agent(organisation)
    due_on = database_now().date() + timedelta(days=14)
    campaign = open_campaign(actor=organisation.manager, team=organisation.payments, due_on=due_on)
    return {"number": campaign.number}


def _suspended(organisation: Organisation) -> Mapping[str, Any]:
    return {"slug": suspended(organisation, active_agent(organisation)).slug}


def _document(key: str) -> Arguments:
    def make(organisation: Organisation) -> Mapping[str, Any]:
        agent = active_agent(organisation)
        return {key: agent.slug, "document_id": attached(organisation, agent).pk}

    return make


def _transfer(organisation: Organisation) -> Mapping[str, Any]:
    return {"transfer_id": offered(organisation, active_agent(organisation)).pk}


def _finding(organisation: Organisation) -> Mapping[str, Any]:
    return {"finding_id": noticed(active_agent(organisation)).pk}


# An offer to Platform, which the outsider manages.
OFFERED = who(200, operator=404)


def _drill(organisation: Organisation) -> Mapping[str, Any]:
    drill = plan_drill(actor=organisation.security, agent=active_agent(organisation))
    return {"number": drill.number}


def _stop_file(organisation: Organisation) -> Mapping[str, Any]:
    publish_stops()
    return {}


# Payments and its agents: its people, security and auditors see them; nobody else learns that they exist.
SEEN = who(200, outsider=404, operator=404)
SEEN_BY_PROGRAMS = who(200, anonymous=401, outsider=404, operator=404)
# Seen by the same, and for its managers only.
MANAGED = who(403, manager=200, outsider=404, operator=404)
# Security may do it beside them.
MANAGED_OR_SECURITY = who(403, manager=200, security=200, outsider=404, operator=404)
# An address that only takes a POST.
POSTED = who(405)
POSTED_BY_PROGRAMS = who(405, anonymous=401)
# An address that takes an agent's POST.
BY_AGENTS = who(405, anonymous=405)

MATRIX: dict[str, Row] = {
    "registry:agents": Row(who(200)),
    "registry:register": Row(only("manager", "outsider")),
    "registry:register_first_charter": Row(POSTED),
    "registry:register_step": Row(MANAGED, _draft(step="scope")),
    "registry:register_charter": Row(POSTED, _draft(step="scope")),
    "registry:register_review": Row(MANAGED, _draft()),
    "registry:agent": Row(SEEN, _active),
    "registry:agent_scope": Row(SEEN, _active),
    "registry:agent_use": Row(SEEN, _active),
    "registry:agent_use_remove": Row(MANAGED, _active, query="?pointer=/scope/repositories&entry=acme/payments"),
    "registry:campaigns": Row(who(200)),
    "registry:campaign_start": Row(only("manager", "outsider", "security")),
    "registry:campaign": Row(SEEN, _campaign),
    "registry:campaign_cancel": Row(who(403, security=200, outsider=404, operator=404), _campaign),
    "registry:campaign_export": Row(who(302, outsider=404, operator=404), _campaign),  # takes a fresh proof
    "registry:agent_history": Row(SEEN, _active),
    "registry:agent_activity": Row(SEEN, _active),
    "registry:agent_connect": Row(SEEN, _active),
    "registry:agent_credentials": Row(SEEN, _active),
    "registry:credential_revoke": Row(MANAGED, _credential("slug")),
    "registry:credential_rotate": Row(MANAGED, _credential("slug")),
    "registry:credentials_revoke": Row(MANAGED, _active),
    "registry:trust_add": Row(MANAGED, _trusted_issuer),
    "registry:trust": Row(SEEN, _trust("slug")),
    "registry:trust_revoke": Row(MANAGED, _trust("slug")),
    "registry:policy_change": Row(MANAGED, _active),
    "registry:policy_difference": Row(POSTED, _active),
    "registry:home_proposals": Row(who(200)),
    "registry:policies": Row(who(200)),
    "registry:policy_organisation": Row(who(200)),
    "registry:policy_organisation_change": Row(only("security")),
    "registry:policy_organisation_difference": Row(POSTED),
    "registry:policy_team": Row(SEEN, {"slug": "payments"}),
    "registry:policy_team_change": Row(
        who(403, manager=200, security=200, outsider=404, operator=404), {"slug": "payments"}
    ),
    "registry:policy_team_difference": Row(POSTED, {"slug": "payments"}),
    "registry:catalogue": Row(who(200)),
    "registry:catalogue_change": Row(only("security")),
    "registry:catalogue_difference": Row(POSTED),
    "registry:proposals": Row(who(200)),
    "registry:proposal": Row(SEEN, _proposal),
    "registry:proposal_approve": Row(POSTED, _proposal),
    "registry:proposal_refuse": Row(POSTED, _proposal),
    "registry:proposal_withdraw": Row(POSTED, _proposal),
    "registry:stop": Row(SEEN, _active),
    "registry:import": Row(who(200)),
    "registry:drift": Row(who(200)),
    "registry:export_all": Row(who(302)),  # takes a fresh proof
    "registry:export_agent": Row(SEEN, _active),
    "registry:agent_sheet": Row(SEEN, _active),
    "registry:agent_edit": Row(MANAGED, _active),
    "registry:agent_people": Row(SEEN, _active),
    "registry:agent_discard": Row(MANAGED, _draft()),
    "registry:agent_suspend": Row(MANAGED_OR_SECURITY, _active),
    "registry:agent_reinstate": Row(MANAGED_OR_SECURITY, _suspended),
    "registry:agent_retire": Row(MANAGED, _active),
    "registry:agent_documents": Row(SEEN, _active),
    "registry:agent_document": Row(SEEN, _document("slug")),
    "registry:transfer_offer": Row(MANAGED, _active),
    "registry:transfer": Row(OFFERED, _transfer),
    "registry:findings": Row(who(200)),
    "registry:finding": Row(SEEN, _finding),
    "registry:team": Row(SEEN, {"slug": "payments"}),
    "registry:team_on_call": Row(MANAGED, {"slug": "payments"}),
    "registry:home_findings": Row(who(200)),
    "registry:home_agents": Row(who(200)),
    "registry:home_kills": Row(who(200)),
    "registry:stops": Row(who(200)),
    "registry:stop_all": Row(who(200)),
    "registry:stop_team": Row(SEEN, {"slug": "payments"}),
    "registry:stop_run": Row(SEEN, _run),
    "registry:stop_action": Row(who(200)),
    "registry:stop_repository": Row(who(200)),
    "registry:kill": Row(SEEN, _stop),
    "registry:kill_progress": Row(SEEN, _stop),
    "registry:drills": Row(who(200)),
    "registry:drill_canary": Row(only("security")),
    "registry:drill_ask": Row(SEEN, _active),
    "registry:drill": Row(SEEN, _drill),
    "registry:drill_consent": Row(SEEN, _drill),
    "stop_file": Row(who(200, anonymous=200), _stop_file),
    "stop_file_key": Row(who(200, anonymous=200)),
    "registry-api:agents": Row(who(200, anonymous=401)),
    "registry-api:agent": Row(SEEN_BY_PROGRAMS, _reference),
    "registry-api:agent-register": Row(POSTED_BY_PROGRAMS, _reference),
    "registry-api:agent-suspend": Row(POSTED_BY_PROGRAMS, _reference),
    "registry-api:agent-reinstate": Row(POSTED_BY_PROGRAMS, _reference),
    "registry-api:agent-retire": Row(POSTED_BY_PROGRAMS, _reference),
    "registry-api:agent-owners": Row(SEEN_BY_PROGRAMS, _reference),
    "registry-api:agent-transfer": Row(POSTED_BY_PROGRAMS, _reference),
    "registry-api:documents": Row(SEEN_BY_PROGRAMS, _reference),
    "registry-api:document": Row(SEEN_BY_PROGRAMS, _document("reference")),
    "registry-api:transfers": Row(who(200, anonymous=401)),
    "registry-api:transfer": Row({**OFFERED, "anonymous": 401}, _transfer),
    "registry-api:transfer-accept": Row(POSTED_BY_PROGRAMS, _transfer),
    "registry-api:transfer-decline": Row(POSTED_BY_PROGRAMS, _transfer),
    "registry-api:transfer-withdraw": Row(POSTED_BY_PROGRAMS, _transfer),
    "registry-api:findings": Row(who(200, anonymous=401)),
    "registry-api:finding": Row(SEEN_BY_PROGRAMS, _finding),
    "registry-api:finding-close": Row(POSTED_BY_PROGRAMS, _finding),
    "registry-api:team-on-call": Row(POSTED_BY_PROGRAMS, {"slug": "payments"}),
    "registry-api:credentials": Row(SEEN_BY_PROGRAMS, _reference),
    "registry-api:credential-revoke": Row(POSTED_BY_PROGRAMS, _credential("reference")),
    "registry-api:credential-rotate": Row(POSTED_BY_PROGRAMS, _credential("reference")),
    "registry-api:credentials-revoke": Row(POSTED_BY_PROGRAMS, _reference),
    "registry-api:trusts": Row(SEEN_BY_PROGRAMS, _reference),
    "registry-api:trust-revoke": Row(POSTED_BY_PROGRAMS, _trust("reference")),
    # The token in the body is all that authenticates.
    "registry-api:token": Row(who(405, anonymous=405), machine=True),
    "registry-api:policy": Row(SEEN_BY_PROGRAMS, _reference),
    "registry-api:policy-revisions": Row(SEEN_BY_PROGRAMS, _reference),
    "registry-api:agent-as-of": Row(SEEN_BY_PROGRAMS, _reference, query="?at=2026-11-21T09:30:00Z"),
    "registry-api:policy-organisation": Row(who(200, anonymous=401), _baseline),
    "registry-api:policy-organisation-revisions": Row(who(200, anonymous=401)),
    "registry-api:policy-team": Row(SEEN_BY_PROGRAMS, _team_baseline),
    "registry-api:policy-team-revisions": Row(SEEN_BY_PROGRAMS, {"slug": "payments"}),
    "registry-api:policy-catalogue": Row(who(200, anonymous=401)),
    "registry-api:proposals": Row(who(200, anonymous=401)),
    "registry-api:proposal": Row(SEEN_BY_PROGRAMS, _proposal),
    "registry-api:proposal-approve": Row(POSTED_BY_PROGRAMS, _proposal),
    "registry-api:proposal-refuse": Row(POSTED_BY_PROGRAMS, _proposal),
    "registry-api:proposal-withdraw": Row(POSTED_BY_PROGRAMS, _proposal),
    "registry-api:import": Row(POSTED_BY_PROGRAMS),
    "registry-api:export": Row(who(403, anonymous=401)),  # takes a fresh proof, or a token
    "registry-api:agent-export": Row(SEEN_BY_PROGRAMS, _reference),
    "registry-api:policy-file": Row(BY_AGENTS, _reference, machine=True),
    "registry-api:policy-file-schema": Row(who(200, anonymous=200)),
    "registry-api:agent-use": Row(SEEN_BY_PROGRAMS, _reference),
    "registry-api:recertifications": Row(who(200, anonymous=401)),
    "registry-api:recertification": Row(SEEN_BY_PROGRAMS, _campaign),
    "registry-api:recertification-decisions": Row(POSTED_BY_PROGRAMS, _campaign),
    "registry-api:recertification-cancel": Row(POSTED_BY_PROGRAMS, _campaign),
    "registry-api:kills": Row(who(200, anonymous=401)),
    "registry-api:kill": Row(SEEN_BY_PROGRAMS, _stop),
    "registry-api:drills": Row(who(200, anonymous=401)),
    "registry-api:drill": Row(SEEN_BY_PROGRAMS, _drill),
    "registry-api:drill-consent": Row(POSTED_BY_PROGRAMS, _drill),
    "registry-api:drill-cancel": Row(POSTED_BY_PROGRAMS, _drill),
    "registry-api:kill-agreements": Row(POSTED_BY_PROGRAMS, _stop),
    "registry-api:leases": Row(BY_AGENTS, machine=True),
    "registry-api:lease-release": Row(BY_AGENTS, machine=True),
}

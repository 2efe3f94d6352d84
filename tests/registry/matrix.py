"""What each kind of person gets from the registry's routes by a plain GET."""

from collections.abc import Callable, Mapping
from typing import Any

from registry.rules.kill import ScopeKind
from registry.services.credential import issue_credential
from registry.services.kill import order_kill
from tests.matrix import Row, only, who
from tests.organisation import Organisation, active_agent, draft_agent

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


def _stop(organisation: Organisation) -> Mapping[str, Any]:
    agent = active_agent(organisation)
    order = order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="a drill")
    return {"number": order.number}


# Payments and its agents: its people, security and auditors see them; nobody else learns that they exist.
SEEN = who(200, outsider=404, operator=404)
SEEN_BY_PROGRAMS = who(200, anonymous=401, outsider=404, operator=404)
# Seen by the same, and for its managers only.
MANAGED = who(403, manager=200, outsider=404, operator=404)
# An address that only takes a POST.
POSTED = who(405)
POSTED_BY_PROGRAMS = who(405, anonymous=401)

MATRIX: dict[str, Row] = {
    "registry:agents": Row(who(200)),
    "registry:register": Row(only("manager", "outsider")),
    "registry:register_first_charter": Row(POSTED),
    "registry:register_step": Row(MANAGED, _draft(step="scope")),
    "registry:register_charter": Row(POSTED, _draft(step="scope")),
    "registry:register_review": Row(MANAGED, _draft()),
    "registry:agent": Row(SEEN, _active),
    "registry:agent_scope": Row(SEEN, _active),
    "registry:agent_history": Row(SEEN, _active),
    "registry:agent_activity": Row(SEEN, _active),
    "registry:agent_connect": Row(SEEN, _active),
    "registry:agent_credentials": Row(SEEN, _active),
    "registry:credential_revoke": Row(MANAGED, _credential("slug")),
    "registry:policy_change": Row(MANAGED, _active),
    "registry:policy_difference": Row(POSTED, _active),
    "registry:stop": Row(SEEN, _active),
    "registry:home_agents": Row(who(200)),
    "registry:home_kills": Row(who(200)),
    "registry:stops": Row(who(200)),
    "registry:stop_all": Row(who(200)),
    "registry:stop_team": Row(SEEN, {"slug": "payments"}),
    "registry:kill": Row(SEEN, _stop),
    "registry-api:agents": Row(who(200, anonymous=401)),
    "registry-api:agent": Row(SEEN_BY_PROGRAMS, _reference),
    "registry-api:agent-register": Row(POSTED_BY_PROGRAMS, _reference),
    "registry-api:credentials": Row(SEEN_BY_PROGRAMS, _reference),
    "registry-api:credential-revoke": Row(POSTED_BY_PROGRAMS, _credential("reference")),
    "registry-api:policy": Row(SEEN_BY_PROGRAMS, _reference),
    "registry-api:policy-revisions": Row(SEEN_BY_PROGRAMS, _reference),
    "registry-api:kills": Row(who(200, anonymous=401)),
    "registry-api:kill": Row(SEEN_BY_PROGRAMS, _stop),
    "registry-api:kill-agreements": Row(POSTED_BY_PROGRAMS, _stop),
    "registry-api:leases": Row(BY_AGENTS, machine=True),
    "registry-api:lease-release": Row(BY_AGENTS, machine=True),
}

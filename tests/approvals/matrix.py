"""What each kind of person gets from the routes of approvals by a plain GET."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from approvals.rules.notices import ChannelKind
from approvals.services.channels import add_channel
from approvals.services.notices import send_test
from tests.approvals.asking import opened
from tests.approvals.exceptional import caught, exception_of
from tests.approvals.proposing import proposed
from tests.approvals.rulebooks import in_force
from tests.approvals.rulebooks import proposed as rulebook_proposed
from tests.approvals.standing_in import away
from tests.matrix import Row, only, who
from tests.organisation import Organisation, active_agent, credential_for
from tests.registry.recording import offered

Arguments = Callable[[Organisation], Mapping[str, Any]]


def _request(organisation: Organisation) -> Mapping[str, Any]:
    return {"number": opened(credential_for(organisation, active_agent(organisation))).number}


def _agent(organisation: Organisation) -> Mapping[str, Any]:
    return {"slug": active_agent(organisation).slug}


def _typing(organisation: Organisation) -> Mapping[str, Any]:
    return {**_agent(organisation), "part": "policy"}


def _transfer(organisation: Organisation) -> Mapping[str, Any]:
    return {"transfer_id": offered(organisation, active_agent(organisation)).pk}


def _proposal(organisation: Organisation) -> Mapping[str, Any]:
    return {"number": proposed(organisation, active_agent(organisation)).number}


def _rulebook_proposal(organisation: Organisation) -> Mapping[str, Any]:
    return {"number": rulebook_proposed(organisation, {"canaries": {"per_hundred": 1}}).number}


def _rulebook(organisation: Organisation) -> Mapping[str, Any]:
    return {"number": in_force(organisation, {"canaries": {"per_hundred": 1}}).number}


def _rulebook_group(organisation: Organisation) -> Mapping[str, Any]:
    in_force(organisation, {"groups": {"release": {"name": "Release", "members": []}}})
    return {"slug": "release"}


def _rulebook_rule(organisation: Organisation) -> Mapping[str, Any]:
    in_force(organisation, {"rules": [{"id": "quick", "name": "Quick", "expires_minutes": 5}]})
    return {"key": "quick"}


def _channel(organisation: Organisation) -> Mapping[str, Any]:
    made, _ = add_channel(
        actor=organisation.manager,
        kind=ChannelKind.WEBHOOK,
        name="Payments hook",
        address="https://hooks.example.com/payments",
        team=organisation.payments,
    )
    return {"channel_id": made.pk}


def _delivery(organisation: Organisation) -> Mapping[str, Any]:
    return {"delivery_id": send_test(actor=organisation.member).pk}


def _exception(organisation: Organisation) -> Mapping[str, Any]:
    return {"number": exception_of(organisation, active_agent(organisation)).number}


def _no_grant(_organisation: Organisation) -> Mapping[str, Any]:
    return {"grant_id": UUID(int=1)}


def _canary(organisation: Organisation) -> Mapping[str, Any]:
    return {"number": caught(organisation, active_agent(organisation)).number}


def _away(organisation: Organisation) -> Mapping[str, Any]:
    return {"delegation_id": away(organisation.approver, organisation.member).pk}


# The people of Payments, security and auditors see its requests; nobody else learns that they exist.
SEEN = who(200, outsider=404, operator=404)
SEEN_BY_PROGRAMS = who(200, anonymous=401, outsider=404, operator=404)
POSTED = who(405)
POSTED_BY_PROGRAMS = who(405, anonymous=401)
# No session counts at these addresses, only an agent's token in a header.
BY_AGENTS = who(405, anonymous=405)

# Whoever has a part in channels: managers for their teams; security, auditors and operators for all.
NOTICED = who(200, member=403, approver=403)
NOTICED_BY_PROGRAMS = who(200, anonymous=401, member=403, approver=403)
CHANNEL = who(200, member=403, approver=403, outsider=404)
CHANNEL_SET_UP = who(200, member=403, approver=403, outsider=404, auditor=403, operator=403)

MATRIX: dict[str, Row] = {
    "approvals:notices": Row(who(200)),
    "approvals:notices_test": Row(POSTED),
    "approvals:channels": Row(NOTICED),
    "approvals:channel_add": Row(who(200, member=403, approver=403, auditor=403, operator=403)),
    "approvals:channel": Row(CHANNEL, _channel),
    "approvals:channel_change": Row(CHANNEL_SET_UP, _channel),
    "approvals:channel_end": Row(CHANNEL_SET_UP, _channel),
    "approvals:channel_test": Row(POSTED, _channel),
    "approvals:deliveries": Row(NOTICED),
    "approvals:deliveries_replay": Row(who(200, member=403, approver=403, auditor=403)),
    "approvals:delivery_replay": Row(POSTED, _delivery),
    "approvals-api:notices": Row(who(200, anonymous=401)),
    "approvals-api:channels": Row(NOTICED_BY_PROGRAMS),
    "approvals-api:channel": Row({**CHANNEL, "anonymous": 401}, _channel),
    "approvals-api:channel-end": Row(POSTED_BY_PROGRAMS, _channel),
    "approvals-api:channel-test": Row(POSTED_BY_PROGRAMS, _channel),
    "approvals-api:deliveries": Row(NOTICED_BY_PROGRAMS),
    "approvals-api:deliveries-replay": Row(POSTED_BY_PROGRAMS),
    "approvals-api:delivery-replay": Row(POSTED_BY_PROGRAMS, _delivery),
    "approvals:inbox": Row(who(200), query="?show=pending"),
    "approvals:list": Row(who(200)),
    # Nobody's without the note that a page carries.
    "approvals:pulse": Row(who(404, anonymous=404)),
    "approvals:badge": Row(who(200)),
    "approvals:home_queue": Row(who(200)),
    "approvals:sparklines": Row(who(200)),
    "approvals:stop_counts": Row(who(200), query="?key=all"),
    "approvals:transfer_counts": Row(who(200, operator=404), _transfer),
    "approvals:agent_requests": Row(SEEN, _agent),
    "approvals:try_action": Row(SEEN, _agent),
    "approvals:try_typed": Row(SEEN, _typing),
    "approvals:backtest": Row(SEEN, _proposal),
    "approvals:backtest_run": Row(POSTED, _proposal),
    "approvals:count_use": Row(POSTED, _agent),
    "approvals-api:backtest": Row(SEEN_BY_PROGRAMS, _proposal),
    "approvals:request": Row(SEEN, _request),
    "approvals:request_news": Row(SEEN, _request),
    "approvals:review": Row(POSTED, _request),
    "approvals:withdraw": Row(POSTED, _request),
    "approvals:proof": Row(POSTED, _request),
    "approvals:undo": Row(POSTED, _request),
    "approvals:comment": Row(POSTED, _request),
    "approvals:edit": Row(who(403, approver=200, security=200, outsider=404, operator=404), _request),
    "approvals:batch": Row(who(200)),
    "approvals:canary": Row(SEEN, _canary),
    "approvals:rules": Row(who(200)),
    "approvals:rules_revisions": Row(who(200)),
    "approvals:rules_revision": Row(who(200), _rulebook),
    "approvals:rules_proposals": Row(who(200)),
    "approvals:rules_proposal": Row(who(200), _rulebook_proposal),
    "approvals:rules_agree": Row(POSTED, _rulebook_proposal),
    "approvals:rules_refuse": Row(POSTED, _rulebook_proposal),
    "approvals:rules_withdraw": Row(POSTED, _rulebook_proposal),
    "approvals:rules_group_new": Row(only("security")),
    "approvals:rules_group": Row(only("security"), _rulebook_group),
    "approvals:rules_rule_new": Row(only("security")),
    "approvals:rules_rule": Row(only("security"), _rulebook_rule),
    "approvals:rules_numbers": Row(only("security")),
    "approvals:rules_text": Row(only("security")),
    "approvals:risk": Row(who(200)),
    "approvals-api:rulebook": Row(who(200, anonymous=401)),
    "approvals-api:rulebook-revisions": Row(who(200, anonymous=401)),
    "approvals-api:rulebook-revision": Row(who(200, anonymous=401), _rulebook),
    "approvals-api:rulebook-proposals": Row(who(200, anonymous=401)),
    "approvals-api:rulebook-proposal": Row(who(200, anonymous=401), _rulebook_proposal),
    "approvals-api:rulebook-agree": Row(POSTED_BY_PROGRAMS, _rulebook_proposal),
    "approvals-api:rulebook-refuse": Row(POSTED_BY_PROGRAMS, _rulebook_proposal),
    "approvals-api:rulebook-withdraw": Row(POSTED_BY_PROGRAMS, _rulebook_proposal),
    "approvals-api:rulebook-risk": Row(who(200, anonymous=401)),
    "approvals:away": Row(who(200)),
    "approvals:away_new": Row(who(200)),
    "approvals:away_end": Row(SEEN, _away),
    "approvals-api:delegations": Row(who(200, anonymous=401)),
    "approvals-api:delegation-end": Row(POSTED_BY_PROGRAMS, _away),
    "approvals:oversight": Row(who(200)),
    "approvals:oversight_export": Row(who(302)),  # takes a fresh proof
    "approvals-api:oversight": Row(who(200, anonymous=401)),
    "approvals:exceptions": Row(who(200)),
    "approvals:exception_choose": Row(who(200)),
    "approvals:exception_ask": Row(
        who(200, auditor=403, outsider=404, operator=404), lambda made: {**_agent(made), "kind": "break-glass"}
    ),
    "approvals:agent_exceptions": Row(SEEN, _agent),
    "approvals:home_exceptions": Row(who(200)),
    "approvals:exception": Row(SEEN, _exception),
    # Asked for by a member of Payments: an approver or security grants it.
    "approvals:exception_act": Row(
        who(403, approver=200, security=200, outsider=404, operator=404),
        lambda made: {**_exception(made), "verb": "grant"},
    ),
    "approvals-api:exceptions": Row(who(200, anonymous=401)),
    "approvals-api:exception": Row(SEEN_BY_PROGRAMS, _exception),
    "approvals-api:exception-uses": Row(SEEN_BY_PROGRAMS, _exception),
    "approvals-api:exception-grant": Row(POSTED_BY_PROGRAMS, _exception),
    "approvals-api:exception-refuse": Row(POSTED_BY_PROGRAMS, _exception),
    "approvals-api:exception-withdraw": Row(POSTED_BY_PROGRAMS, _exception),
    "approvals-api:exception-revoke": Row(POSTED_BY_PROGRAMS, _exception),
    "approvals-api:exception-close": Row(POSTED_BY_PROGRAMS, _exception),
    "approvals-api:requests": Row(who(200, anonymous=401)),
    "approvals-api:request": Row(SEEN_BY_PROGRAMS, _request),
    "approvals-api:reviews": Row(POSTED_BY_PROGRAMS, _request),
    "approvals-api:withdraw": Row(POSTED_BY_PROGRAMS, _request),
    "approvals-api:batch": Row(POSTED_BY_PROGRAMS),
    "approvals-api:undo": Row(POSTED_BY_PROGRAMS, _request),
    "approvals-api:comments": Row(POSTED_BY_PROGRAMS, _request),
    "approvals-api:edits": Row(POSTED_BY_PROGRAMS, _request),
    "approvals-api:agent-request": Row(who(401, anonymous=401), _request, machine=True),
    "approvals-api:agent-requests": Row(who(401, anonymous=401), machine=True),
    "approvals-api:agent-outcome": Row(BY_AGENTS, _no_grant, machine=True),
    "approvals-api:agent-heads": Row(BY_AGENTS, machine=True),
    "jwks": Row(who(200, anonymous=200), machine=True),
    "checks": Row(BY_AGENTS, machine=True),
    "hook_claude": Row(BY_AGENTS, machine=True),
}

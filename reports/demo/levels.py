"""What stands above the demonstration's agents, and the policy changes that needed, or need, a second person."""

from datetime import timedelta
from typing import Any

from approvals.jobs.backtest import run_backtest
from approvals.services.backtest import queue_backtest
from registry.models import Agent, PolicyProposal
from registry.selectors.policies import ORGANISATION, Subject, revision_in_force
from registry.services.policy import change_policy
from registry.services.proposals import approve_proposal
from reports.demo.organisation import Organisation
from reports.demo.session import proofs
from reports.demo.stage import Happening, Stage

EVERYONE: dict[str, Any] = {
    "scope": {"paths_blocked": ["payroll/", "*.tfstate"]},
    "tiers": {"access.change": "forbidden", "package.publish": "gated"},
}
RELEASE: dict[str, Any] = {
    "label": "Release a mobile app",
    "reversibility": "hard_to_reverse",
    "tier": "gated",
    "explain": "What a shop has handed out to telephones stays there until the next release.",
    "tools": ["mcp__fastlane__release"],
    "commands": ["fastlane release"],
}
OF_PAYMENTS: dict[str, Any] = {
    "scope": {"commands_blocked": ["npm publish", "twine upload"]},
    "limits": {"files": 20, "lines": 400},
}


def set_levels(organisation: Organisation) -> None:
    """The baselines of the organisation and of Payments: both only take away, so each is in force at once."""
    people = organisation.people
    change_policy(
        actor=people["ingrid"],
        subject=ORGANISATION,
        document=EVERYONE,
        based_on=0,
        reason="What the board decided for every agent, whatever its team says.",
    )
    change_policy(
        actor=people["maya"],
        subject=Subject.of_team(organisation.payments),
        document=OF_PAYMENTS,
        based_on=0,
        reason="Nothing of ours is published by an agent, and a change stays small enough to be read.",
    )


def own_action(organisation: Organisation, stage: Stage) -> Happening:
    """Ingrid adds an action type of the organisation's own; Viktor approves it after its backtest."""
    people = organisation.people
    proposal = _proposed(
        organisation,
        "ingrid",
        ORGANISATION,
        {**EVERYONE, "actions": {"harbourline.mobile-release": RELEASE}},
        "The mobile team gets its first agent next month, and nothing of ours knows what fastlane does.",
    )
    yield timedelta(seconds=40)
    proposal = tested(proposal)
    yield timedelta(hours=1, minutes=52)
    approve_proposal(
        actor=people["viktor"],
        proposal=proposal,
        seal=bytes(proposal.seal or b""),
        reason="The backtest finds nothing that would have been decided otherwise. Gated is right for now.",
        sign_in=proofs(stage.clock.now),
    )


def wider_libraries(organisation: Organisation, maintainer: Agent) -> Happening:
    """Maya asks that libraries move without an approval; the backtest is done, and nobody has decided."""
    revision = revision_in_force(Subject.of_agent(maintainer))
    document: dict[str, Any] = {} if revision is None else dict(revision.document)
    proposal = _proposed(
        organisation,
        "maya",
        Subject.of_agent(maintainer),
        {**document, "tiers": {**document["tiers"], "dependency.change": "free"}},
        "Both security releases of last week waited for somebody to say yes, and nobody ever said anything else.",
    )
    yield timedelta(seconds=25)
    tested(proposal)


def _proposed(
    organisation: Organisation, author: str, subject: Subject, document: dict[str, Any], reason: str
) -> PolicyProposal:
    revision = revision_in_force(subject)
    changed = change_policy(
        actor=organisation.people[author],
        subject=subject,
        document=document,
        based_on=0 if revision is None else revision.number,
        reason=reason,
    )
    assert isinstance(changed, PolicyProposal)  # noqa: S101 (it widens)
    return changed


def tested(proposal: PolicyProposal) -> PolicyProposal:
    """The proposal with its backtest, as the worker would have run it."""
    queue_backtest(proposal_id=proposal.pk)
    run_backtest(proposal.pk)
    return PolicyProposal.objects.select_related("based_on", "agent", "team").get(pk=proposal.pk)

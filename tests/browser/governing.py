"""Something of every kind that issue-three pages show, beside one well-used agent: for the test of every page."""

from datetime import timedelta
from typing import Any

from approvals.jobs.backtest import run_backtest
from approvals.jobs.count_use import count_one
from approvals.services.backtest import queue_backtest
from portal.ledger.selectors.entries import database_now
from registry.models import Agent, CampaignState, EnforcementPoint, PolicyProposal
from registry.rules.kill import ScopeKind
from registry.rules.manifest import render
from registry.selectors.manifest import entry_of
from registry.selectors.policies import Subject
from registry.services.credential import issue_credential, rotate_credential
from registry.services.drift import report_policy_file
from registry.services.drill import plan_drill
from registry.services.findings import close_finding
from registry.services.kill import agree_resume, order_kill
from registry.services.lease import Point, hold_lease
from registry.services.lifecycle import retire_agent
from registry.services.policy import change_policy
from registry.services.proposals import refuse_proposal
from registry.services.recertification import open_campaign
from registry.services.recertification_items import keep_items, remove_item
from registry.services.trust import trust_issuer
from reports.demo.rehearsal import drill_canary
from tests.approvals.asking import ask
from tests.approvals.standing_in import away
from tests.browser.gates import gates
from tests.browser.noticing import noticing
from tests.browser.ruling import ruling
from tests.organisation import Organisation, active_agent, credential_for, policy_document
from tests.registry.drilling import make_canary
from tests.registry.policies import propose, said_by_organisation
from tests.registry.recording import attached, noticed, offered, suspended

FULL: dict[str, Any] = {
    **policy_document(repositories=["acme/payments", "acme/attic-of-everything-that-was-ever-kept#123456789"]),
    "modes": {"scope.path.outside": "warn", "limits.lines": "observe"},
    "tasks": {
        "bug-fix": {"scope": {"environments": ["test"], "tools": ["Bash", "Edit"]}, "limits": {"files": 3}},
        "clean-up": {"tiers": {"file.delete": "gated"}, "approval": {"quorum": 2}},
    },
    "composition": {"required": False, "pinned": {"model": "claude-opus-4-1", "mcp_servers": ["github"], "hooks": []}},
}
EVERYONE: dict[str, Any] = {"tiers": {"package.publish": "gated"}, "scope": {"paths_blocked": ["infra/"]}}
OWN: dict[str, Any] = {
    "label": "Release to customers",
    "reversibility": "irreversible",
    "tier": "gated",
    "explain": "It reaches customers at once.",
    "tools": ["mcp__acme__release"],
    "commands": ["acmectl ship"],
}


def set_baselines(organisation: Organisation) -> dict[str, str]:
    """What counts above every agent and who decides: first, so that no request is overtaken by it."""
    said_by_organisation(organisation.security, EVERYONE)
    team = Subject.of_team(organisation.payments)
    document = {"scope": {"commands_blocked": ["npm publish"]}, "limits": {"files": 15}}
    change_policy(actor=organisation.manager, subject=team, document=document, based_on=0, reason="After the audit.")
    return ruling(organisation)


def govern(organisation: Organisation) -> dict[str, str]:
    """The numbers and ids of what the pages are about."""
    keeper = active_agent(organisation, "Ledger Keeper", policy=FULL, deputy=organisation.member)
    token = credential_for(organisation, keeper)
    for number in range(3):
        ask(token, f"pytest -q tests/{number}", initiator="member@example.test", task="bug-fix")
    ask(token, "git push origin feature/tidy", repository="acme/other", task="bug-fix")
    count_one(keeper.pk)
    return {
        **_credentials(organisation, keeper),
        **_proposals(organisation, keeper),
        **_later_lives(organisation),
        **_papers(organisation, keeper, token),
        **gates(organisation),
        **noticing(organisation, keeper),
        **_absences(organisation),
        **_drills(organisation, keeper),
        **_stops(organisation),
        **_campaigns(organisation, keeper),
    }


def _absences(organisation: Organisation) -> dict[str, str]:
    """Of somebody who lends nobody's right to anybody who looks: what the pages of requests show stays as it was."""
    later = database_now() + timedelta(days=1)
    made = away(organisation.member, organisation.second_manager, starts_at=later, ends_at=later + timedelta(days=9))
    return {"absence": str(made.pk)}


def _credentials(organisation: Organisation, keeper: Agent) -> dict[str, str]:
    narrow = {"scope": {"repositories": ["acme/payments"], "paths_allowed": ["docs/**"]}}
    manager = organisation.manager
    old, _ = issue_credential(actor=manager, agent=keeper, name="The build farm", days=30, scope=narrow)
    rotate_credential(actor=manager, agent=keeper, credential_id=old.pk, days=30, overlap_hours=2)
    live, _ = issue_credential(actor=manager, agent=keeper, name="A notebook", days=5)
    trust = trust_issuer(
        actor=manager,
        agent=keeper,
        name="Nightly",
        issuer="https://token.actions.githubusercontent.com",
        audience="https://portal.example",
        claims={"repository_id": "4711", "ref": "refs/heads/main"},
    )
    return {"credential": str(live.pk), "trust": str(trust.pk)}


def _proposals(organisation: Organisation, keeper: Agent) -> dict[str, str]:
    wider = {**FULL, "scope": {**FULL["scope"], "repositories": ["acme/payments", "acme/other"], "hosts": ["a.test"]}}
    tested = propose(organisation.manager, keeper, wider)
    queue_backtest(proposal_id=tested.pk)
    run_backtest(tested.pk)
    fresh = said_by_organisation(organisation.security, {**EVERYONE, "actions": {"acme.release": OWN}}, based_on=1)
    assert isinstance(fresh, PolicyProposal)
    refused = propose(organisation.second_manager, Subject.of_team(organisation.payments), {}, based_on=1)
    refuse_proposal(actor=organisation.security, proposal=refused, reason="It was put there for a reason. " * 4)
    return {"tested": str(tested.number), "fresh": str(fresh.number), "refused": str(refused.number)}


def _later_lives(organisation: Organisation) -> dict[str, str]:
    suspended(organisation, active_agent(organisation, "Slow Sleeper"))
    retire_agent(actor=organisation.manager, agent=active_agent(organisation, "Old Hand"), reason="Its work is done.")
    wanderer = active_agent(organisation, "Wanderer")
    return {"transfer": str(offered(organisation, wanderer).pk)}


def _papers(organisation: Organisation, keeper: Agent, token: str) -> dict[str, str]:
    attached(organisation, keeper)
    soon = database_now().date() + timedelta(days=9)
    attached(organisation, keeper, content=b"%PDF-1.7\nAnother report.", expires_on=soon)
    finding, closed = noticed(keeper), noticed(keeper, "activity:2")
    close_finding(actor=organisation.security, finding=closed, reason="It was the clean-up of the run itself.")
    other = render(agents=[{**entry_of(keeper), "policy": policy_document(environments=["test", "demo"])}])
    for repository, text in (("acme/payments", other), ("acme/broken", "format: bailiwick/v1\nagents: 7\n")):
        report_policy_file(
            token=token,
            reference=keeper.slug,
            repository=repository,
            path=".bailiwick.yml",
            commit="0123456789abcdef",
            text=text,
        )
    smaller = {**FULL, "limits": {"files": 7, "lines": 500}}
    newcomer = {"name": "A Newcomer Whose Name Is As Long As A Name May Well Be", "accountable_person": ""}
    known = entry_of(keeper)
    file = render(agents=[{**known, "policy": smaller}, {**known, **newcomer}])
    return {"finding": str(finding.pk), "closed": str(closed.pk), "file": file}


def _drills(organisation: Organisation, keeper: Agent) -> dict[str, str]:
    for _ in drill_canary(make_canary(organisation)):
        continue
    waiting = plan_drill(actor=organisation.second_manager, agent=keeper)
    return {"passed": str(waiting.number - 1), "consent": str(waiting.number)}


def _stops(organisation: Organisation) -> dict[str, str]:
    """One that is still taking hold (its lease is made longer than any real one), one that is over, and wide ones."""
    runner, watch = active_agent(organisation, "Farm Runner"), active_agent(organisation, "Night Watch")
    token = credential_for(organisation, runner)
    for name in ("runner-1-of-the-build-farm", "runner-2-of-the-build-farm"):
        hold_lease(token=token, point=Point(name=name, kind="ci"))
    stopping = order_kill(
        actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=runner.pk, reason="It edits the wrong folder."
    )
    hold_lease(token=token, point=Point(name="runner-1-of-the-build-farm", kind="ci"))
    EnforcementPoint.objects.filter(name__startswith="runner-2").update(
        lease_expires_at=database_now() + timedelta(hours=2)
    )
    ended = order_kill(
        actor=organisation.security, kind=ScopeKind.AGENT, scope_id=watch.pk, reason="A tag was moved this morning."
    )
    for person in (organisation.manager, organisation.second_manager):
        agree_resume(actor=person, order=ended, reason="The tags are protected now.")
    wide = order_kill(actor=organisation.security, kind=ScopeKind.ACTION, scope_id="tag.push", reason="Not today.")
    order_kill(
        actor=organisation.security, kind=ScopeKind.REPOSITORY, scope_id="acme/quarantine", reason="A leaked key."
    )
    return {"stopping": str(stopping.number), "ended": str(ended.number), "wide": str(wide.number)}


def _campaigns(organisation: Organisation, keeper: Agent) -> dict[str, str]:
    manager, due_on = organisation.manager, database_now().date() + timedelta(days=3)
    done = open_campaign(actor=manager, team=organisation.payments, due_on=due_on)
    items = done.items.filter(verdict="").exclude(agent__slug="drill-canary")
    unused = items.filter(agent=keeper, entry="development").get()
    remove_item(actor=manager, campaign=done, item=unused.pk)
    keep_items(
        actor=manager,
        campaign=done,
        items=list(items.exclude(pk=unused.pk).values_list("pk", flat=True)),
        reason="Used.",
    )
    keep_items(
        actor=manager,
        campaign=done,
        items=list(done.items.filter(verdict="").values_list("pk", flat=True)),
        reason="A canary needs little.",
    )
    done.refresh_from_db()
    assert done.state == CampaignState.DONE.value
    under_way = open_campaign(actor=organisation.security, team=organisation.payments, due_on=due_on)
    return {"done": str(done.number), "campaign": str(under_way.number)}

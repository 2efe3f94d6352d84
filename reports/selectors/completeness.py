"""Reads the counts that say what a package cannot prove, before it is built and when it is."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from portal.identity.models import Team
from portal.ledger.events import instant
from portal.ledger.models import Checkpoint
from registry.models import Agent, Credential, Ownership
from registry.selectors.charters import charter_of
from registry.selectors.drills import last_passed, standings
from registry.selectors.ownership import owners_between
from reports.models import Package, SourceCount
from reports.render.report import AgentFacts
from reports.render.report_data import Collected
from reports.rules.completeness import CounterGap, Drills, Evidence, SourceTally
from reports.selectors.evidence import Scope, agents_seen, counts_by_type, longest_silence, unsealed

CHECK, EVENT, OPENED = "approvals.check.decided", "reports.event.recorded", "approvals.request.opened"


def built_evidence(package: Package, scope: Scope, collected: Collected, *, as_of: datetime) -> Evidence:
    """What the finished pass over the entries shows."""
    silence, began = longest_silence(package.period_start, package.period_end)
    gated = collected.gated.values()
    return Evidence(
        entries=collected.entries,
        unsealed=package.summary["unsealed"],
        checks=collected.checks,
        events=collected.events,
        self_reported=collected.self_reported,
        erased=collected.withheld,
        erased_entries=collected.withheld_entries,
        gaps=[
            CounterGap(agent=collected.agent_name(agent), source=source, missing=missing)
            for (agent, source), missing in sorted(collected.gaps().items())
        ],
        sources=_sources(scope),
        silent_agents=_silent(scope, collected.seen_agents, package.period_start, package.period_end),
        checkpoint_lag=checkpoint_lag(as_of),
        longest_silence=silence,
        log_began_inside=began is None or began > package.period_start,
        unfinished_requests=sum(action.was_opened and not action.settled for action in gated),
        incomplete_requests=sum(not action.was_opened for action in gated),
        scope_is_all=scope.is_all,
        drills=_drills(scope, as_of),
    )


def preview_evidence(
    scope: Scope, start: datetime, end: datetime, *, now: datetime, counts: dict[str, int] | None = None
) -> Evidence:
    """What can be said before building: counts by the database, erasures and counter gaps not yet."""
    counts = counts_by_type(scope, start, end) if counts is None else counts
    silence, began = longest_silence(start, end)
    seen = {str(agent) for agent in agents_seen(scope, start, end)}
    waiting = unsealed(scope, start, end)
    # Entries of the last seconds are sealed while the package waits for its checkpoint.
    lag = checkpoint_lag(now)
    young = now - end < timedelta(minutes=1) and lag is not None and lag < timedelta(minutes=2)
    return Evidence(
        entries=sum(counts.values()),
        unsealed=0 if young else waiting,
        checks=counts.get(CHECK, 0),
        events=counts.get(EVENT, 0),
        self_reported=counts.get(EVENT, 0),
        erased=None,
        erased_entries=0,
        gaps=(),
        sources=_sources(scope),
        silent_agents=_silent(scope, seen, start, end),
        checkpoint_lag=lag,
        longest_silence=silence,
        log_began_inside=began is None or began > start,
        unfinished_requests=0,
        incomplete_requests=0,
        scope_is_all=scope.is_all,
        drills=_drills(scope, now),
    )


def checkpoint_lag(as_of: datetime) -> timedelta | None:
    """How old the newest checkpoint was at that moment; None when there was none."""
    newest = Checkpoint.objects.filter(signed_at__lte=as_of).order_by("-id").first()
    return None if newest is None else as_of - newest.signed_at


def agent_facts(scope: Scope, collected: Collected, *, start: datetime, end: datetime) -> Sequence[AgentFacts]:
    """The scope's agents as they stand now, with whoever answered for them in the period; the busy ones first."""
    owners = owners_between([agent.pk for agent in scope.agents], start, end)
    facts = [
        AgentFacts(
            name=agent.name,
            slug=agent.slug,
            charter=charter_of(agent),
            team=agent.owner_team.name,
            accountable=agent.accountable_person.name if agent.accountable_person else "no one",
            owners=[_told(one) for one in owners.get(agent.pk, ())],
            state=agent.state,
            platform=agent.platform,
            revision=f"policy revision {agent.revision.number}" if agent.revision else "no policy",
            policy_digest=bytes(agent.revision.digest).hex() if agent.revision else "",
            in_period=str(agent.pk) in collected.seen_agents,
        )
        for agent in scope.agents
    ]
    return sorted(facts, key=lambda agent: (not agent.in_period, agent.name))


def _told(owner: Ownership) -> str:
    deputy = f", deputy {owner.deputy.name}" if owner.deputy else ""
    return f"{owner.team.name}, {owner.accountable_person.name}{deputy}, from {instant(owner.since)}"


def team_names() -> dict[str, str]:
    return {str(pk): name for pk, name in Team.objects.values_list("pk", "name")}


def _sources(scope: Scope) -> list[SourceTally]:
    counts = SourceCount.objects.filter(agent__in=[agent.pk for agent in scope.agents]).select_related("agent")
    return [
        SourceTally(
            agent=count.agent.name,
            source=count.source,
            received=count.received,
            duplicate=count.duplicate,
            rejected=count.rejected,
        )
        for count in counts.order_by("agent__name", "source")
    ]


def _silent(scope: Scope, seen: Collection[str], start: datetime, end: datetime) -> list[str]:
    """The names of agents that held a valid credential in the period and left no entry of their own."""
    valid = Credential.objects.filter(
        Q(revoked_at__isnull=True) | Q(revoked_at__gt=start), created_at__lt=end, expires_at__gt=start
    )
    holders = set(valid.filter(agent__in=[agent.pk for agent in scope.agents]).values_list("agent_id", flat=True))
    return [agent.name for agent in scope.agents if agent.pk in holders and str(agent.pk) not in seen]


def _drills(scope: Scope, now: datetime) -> Drills | None:
    """Which agents in scope are overdue for a rehearsed stop, and the last that passed; None without such agents."""
    agents = Agent.objects.filter(pk__in=[agent.pk for agent in scope.agents])
    found = standings(agents, now=now)
    if not found:
        return None
    drill = last_passed(agents, before=now)
    if drill is None or drill.ended_at is None or drill.measured_ms is None:
        last = "No rehearsed stop (drill) of an agent in scope has passed yet."
    else:
        last = (
            f"The last rehearsed stop that passed was drill {drill.number} on {drill.agent.name}, "
            f"{drill.ended_at:%Y-%m-%d}: {drill.measured_ms / 1000:.1f} s."
        )
    return Drills(last=last, overdue=[one.agent.name for one in found if one.overdue])

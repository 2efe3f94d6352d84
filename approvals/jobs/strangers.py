"""Notices agents that say they are made of something else than was approved, and makes a finding of each."""

from collections.abc import Sequence

from portal.ledger.models import Entry
from registry.models import Agent, FindingKind
from registry.services.findings import flag

CHECK = "approvals.check.decided"
_RULES = frozenset({"composition.other", "composition.not-stated"})


def notice(entries: Sequence[Entry]) -> None:
    """Flag the checks among ``entries`` whose composition was not the pinned one: one finding for each stranger.

    A stranger is one reported fingerprint (or none) under one revision of the policy: however often it asks, and
    whether it is gated or only watched, it is noticed once.
    """
    strangers: dict[str, tuple[Entry, str | None]] = {}
    for entry in entries:
        data = entry.body["data"] if entry.type == CHECK else {}
        said = {*data.get("rules", ()), *data.get("observed", ())}
        if entry.agent_id is not None and said & _RULES:
            reported = data.get("fingerprint")
            key = f"composition:{entry.agent_id}:{data['revision']}:{reported or 'none'}"
            strangers.setdefault(key, (entry, reported))
    agents = Agent.objects.select_related("owner_team").in_bulk({entry.agent_id for entry, _ in strangers.values()})
    for key, (entry, reported) in strangers.items():
        agent = agents[entry.agent_id]
        told = f"It reported the composition {reported[:12]}…" if reported else "It did not say what it is made of"
        flag(
            kind=FindingKind.OTHER_COMPOSITION,
            key=key,
            sentence=f"A run of {agent.name} is not the agent that was approved. {told}, under revision "
            f"{entry.body['data']['revision']} of its policy.",
            agent=agent,
            entry_id=entry.id,
        )

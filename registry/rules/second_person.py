"""Who may decide a proposed widening: never its author, nor anyone whose work it would let through.

The same function says it before the click and enforces it after.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

# A backtest older than this says too little about today.
FRESH = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class ProposalFacts:
    """What is known of the proposal now. ``initiators`` are those whose runs the backtest replayed.

    Every id here, and the one that is asked about, is of a natural person, whichever account was used.
    """

    author_id: UUID
    subject: str
    who: str  # the words for those who decide, "a manager of Payments, or security"
    issuers: frozenset[UUID] = field(default_factory=frozenset)
    initiators: frozenset[UUID] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why someone may not decide: a code for machines and a sentence that stands in place of the button."""

    code: str
    sentence: str


def may_refuse(person_id: UUID, proposal: ProposalFacts, *, entitled: bool) -> Refusal | None:
    """Return why this person may not say no. ``entitled``: they manage the subject, or are security."""
    if not entitled:
        return Refusal("not-entitled", f"You may not decide for {proposal.subject}: that takes {proposal.who}.")
    if person_id == proposal.author_id:
        return Refusal("author", "You wrote this change, so another person must decide it. You may withdraw it.")
    return None


def may_approve(person_id: UUID, proposal: ProposalFacts, *, entitled: bool) -> Refusal | None:
    """Return why this person may not approve, which asks for more distance than saying no."""
    refused = may_refuse(person_id, proposal, entitled=entitled)
    if refused is not None:
        return refused
    if person_id in proposal.issuers:
        return Refusal(
            "credential-holder",
            f"You issued a credential that is still valid under {proposal.subject}, or set up a trust that buys one; "
            "whoever could use it must not widen what it opens.",
        )
    if person_id in proposal.initiators:
        return Refusal(
            "initiator",
            f"You started work under {proposal.subject} in the last 90 days, so somebody who did not must approve.",
        )
    return None


def fault_of_backtest(
    *, backtest_at: datetime | None, now: datetime, basis: dict[str, object], in_force: dict[str, str | None]
) -> str | None:
    """Return why a backtest does not carry a decision, as a sentence, or None. ``in_force`` are revision ids."""
    if backtest_at is None:
        return "The backtest has not finished, so nobody can know yet what the change would have meant."
    if now - backtest_at > FRESH:
        return "The backtest is older than 24 hours; run it again and look at the new result."
    changed = [level for level, revision in in_force.items() if basis.get(level) != revision]
    if changed:
        return f"The policy of the {' and of the '.join(changed)} has changed since the backtest; run it again."
    return None

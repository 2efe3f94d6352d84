"""A verdict that is refused because of who tried it: which refusals leave an entry, and what is said of them. Pure.

An entry is written of what says something about the person: a part in the request (segregation of duties), no right,
a borrowed right that is not theirs, a proof that is missing or does not prove. None is written of what says something
about the moment or the form: a stale view, a settled request, a second click, a stage whose turn it is not, a reason
that is too short. Nor of a request that is out of the person's sight: the 404 of one that exists must take no longer
and leave no more than that of one that does not (R69).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from approvals.rules.duties import DID
from approvals.rules.workflow import Verdict

FRESH: Final = "fresh-proof"
PASSKEY: Final = "passkey"
NOT_DELEGATED: Final = "not-delegated"
# Whoever has a part in the request gave the role.
CHOSEN: Final = "role-giver"
# What the trigger of the table refuses when all else has let somebody through.
INVOLVED: Final = "involved"

# The codes of refusals for want of a proof, as the rule that the entry names.
_PROOFS: Final[Mapping[str, str]] = MappingProxyType(
    {"step-up-required": FRESH, "passkey-required": PASSKEY, "proof-refused": PASSKEY}
)
_DOING: Final[Mapping[str, str]] = MappingProxyType(
    {
        Verdict.APPROVE.value: "approve it",
        Verdict.DENY.value: "deny it",
        Verdict.CHANGES.value: "ask for changes",
    }
)
# Why somebody may not, after their name.
_WHY: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{part.value.replace("_", "-"): did for part, did in DID.items()},
        INVOLVED: "has a part in it",
        "not-approver": "has no right to decide it",
        "overseer": "watches over those who decide",
        "inactive": "has an account that is not active",
        NOT_DELEGATED: "does not stand in for whom they named",
        CHOSEN: "was given the role by somebody with a part in it",
        "right-used": "named somebody whose right had been used",
        PASSKEY: "had not given the passkey's signature that it takes",
    }
)


def rule_of(code: str, reason: str | None) -> str | None:
    """The rule that refused, from the refusal's code and reason; None when no entry is written of it."""
    found = _PROOFS.get(code) or reason
    return found if found == FRESH or found in _WHY else None


def told(rule: str, verdict: str) -> str:
    """What was tried and why it was refused, after the person's name."""
    doing = _DOING.get(verdict, "decide it")
    if rule == FRESH:
        return f"wanted to {doing} and was first asked to prove who they are"
    return f"tried to {doing} and was refused: {_WHY.get(rule, rule)}"

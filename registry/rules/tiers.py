"""The three tiers an action can be in, and their order from loosest to strictest."""

from enum import StrEnum


class Tier(StrEnum):
    """How an action is treated: done at once, done after an approval, or never done."""

    FREE = "free"
    GATED = "gated"
    FORBIDDEN = "forbidden"

    @property
    def rank(self) -> int:
        """0 for free, 1 for gated, 2 for forbidden: the larger is the stricter."""
        return _RANK[self]


_RANK = {Tier.FREE: 0, Tier.GATED: 1, Tier.FORBIDDEN: 2}


def strictest(first: Tier, *others: Tier) -> Tier:
    """Return the strictest of the tiers given; where two rules meet, this one holds."""
    return max((first, *others), key=lambda tier: tier.rank)

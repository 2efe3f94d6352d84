"""The rulebook as values: what it may say, and the one that counts until an organisation writes its own."""

from enum import StrEnum


class StepUp(StrEnum):
    """What an approval must be confirmed with: nothing more, a fresh proof, or a passkey over exactly this action."""

    NONE = "none"
    FRESH = "fresh"
    PASSKEY = "passkey"


class ProposalState(StrEnum):
    """Where a proposed rulebook is. Every state but open is final."""

    OPEN = "open"
    AGREED = "agreed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    OVERTAKEN = "overtaken"

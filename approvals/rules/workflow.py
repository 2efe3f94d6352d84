"""The life of a request and of a grant: states, edges, and how reviews resolve a request. Pure."""

from enum import StrEnum


class RequestState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    VOIDED = "voided"


class GrantState(StrEnum):
    ISSUED = "issued"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    VOIDED = "voided"


class Verdict(StrEnum):
    APPROVE = "approve"
    DENY = "deny"

"""The tables of approvals."""

from approvals.models.grant import Grant
from approvals.models.request import ApprovalRequest, Review

__all__ = ["ApprovalRequest", "Grant", "Review"]

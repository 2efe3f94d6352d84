"""The tables of approvals."""

from approvals.models.backtest import Backtest
from approvals.models.grant import Grant
from approvals.models.request import ApprovalRequest, Review

__all__ = ["ApprovalRequest", "Backtest", "Grant", "Review"]

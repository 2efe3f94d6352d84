"""The tables of approvals."""

from approvals.models.backtest import Backtest
from approvals.models.canary import Canary
from approvals.models.cool_down import CoolDown
from approvals.models.delegation import Delegation
from approvals.models.exception import ExceptionUse, GateException
from approvals.models.grant import Grant
from approvals.models.head import BranchHead
from approvals.models.notice import Channel, Delivery, NoticeChoice
from approvals.models.refused_verdict import RefusedVerdict
from approvals.models.request import ApprovalRequest, Comment, Involvement, Review
from approvals.models.rulebook import Rulebook, RulebookProposal

__all__ = [
    "ApprovalRequest",
    "Backtest",
    "BranchHead",
    "Canary",
    "Channel",
    "Comment",
    "CoolDown",
    "Delegation",
    "Delivery",
    "ExceptionUse",
    "GateException",
    "Grant",
    "Involvement",
    "NoticeChoice",
    "RefusedVerdict",
    "Review",
    "Rulebook",
    "RulebookProposal",
]

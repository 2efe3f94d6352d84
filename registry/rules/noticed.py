"""The kinds of findings, their words, and how much each matters."""

from enum import StrEnum


class NoticedKind(StrEnum):
    """The recorded ones (the first six, open until somebody closes them), and those that the rows show."""

    ACTIVITY_AFTER_STOP = "activity_after_stop"
    REGISTERED_AGAIN = "registered_again"
    TOKEN_WHILE_STOPPED = "token_while_stopped"  # noqa: S105  a kind of finding, not a secret
    EXCHANGE_WHILE_STOPPED = "exchange_while_stopped"
    OTHER_COMPOSITION = "other_composition"
    EXCEPTION_OVERDUE = "exception_overdue"
    TEAM_EMPTY = "team_empty"
    ACCOUNTABLE_LEFT = "accountable_left"
    DEPUTY_LEFT = "deputy_left"
    DOCUMENT_EXPIRED = "document_expired"
    DOCUMENT_EXPIRING = "document_expiring"
    DRILL_OVERDUE = "drill_overdue"
    RECERTIFICATION_MISSED = "recertification_missed"
    RECERTIFICATION_DUE = "recertification_due"


WORDS = {
    NoticedKind.ACTIVITY_AFTER_STOP: "Activity after a stop",
    NoticedKind.REGISTERED_AGAIN: "Stopped agent registered again",
    NoticedKind.TOKEN_WHILE_STOPPED: "Token asked for while stopped",
    NoticedKind.EXCHANGE_WHILE_STOPPED: "Token exchange while stopped",
    NoticedKind.OTHER_COMPOSITION: "Not the agent that was approved",
    NoticedKind.EXCEPTION_OVERDUE: "Exception not looked at in time",
    NoticedKind.TEAM_EMPTY: "Team without an active member",
    NoticedKind.ACCOUNTABLE_LEFT: "Accountable person left",
    NoticedKind.DEPUTY_LEFT: "Deputy left",
    NoticedKind.DOCUMENT_EXPIRED: "Document expired",
    NoticedKind.DOCUMENT_EXPIRING: "Document expires soon",
    NoticedKind.DRILL_OVERDUE: "Drill overdue",
    NoticedKind.RECERTIFICATION_MISSED: "Recertification missed",
    NoticedKind.RECERTIFICATION_DUE: "Recertification due",
}
# What can wait a while; everything else is shown first and in the colour of a warning.
MILD = frozenset({NoticedKind.DEPUTY_LEFT, NoticedKind.DOCUMENT_EXPIRING, NoticedKind.RECERTIFICATION_DUE})


def urgency(kind: NoticedKind) -> tuple[bool, int]:
    """Return what findings are sorted by: grave before mild, then as in the list above."""
    return kind in MILD, list(NoticedKind).index(kind)

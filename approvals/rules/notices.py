"""Notices: what people are told, where, and when it may be sent."""

from enum import StrEnum


class ChannelKind(StrEnum):
    """A place outside the portal that can be told."""

    EMAIL = "email"
    SLACK = "slack"
    TEAMS = "teams"
    WEBHOOK = "webhook"


class DeliveryState(StrEnum):
    """DEAD: given up, shown on a page, can be sent again. DROPPED: no longer true, or nobody wants it."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"
    DROPPED = "dropped"


class Digest(StrEnum):
    """How mail is gathered."""

    NONE = "none"
    HOURLY = "hourly"
    DAILY = "daily"

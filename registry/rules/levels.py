"""The levels of policy, from the organisation down to one credential; a lower level only tightens."""

from enum import StrEnum


class Level(StrEnum):
    """Where a rule comes from. The order is the order in which they are asked."""

    ORGANISATION = "organisation"
    TEAM = "team"
    AGENT = "agent"
    TASK = "task"
    CREDENTIAL = "credential"

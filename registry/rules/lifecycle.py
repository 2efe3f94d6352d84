"""The states of an agent, the moves between them, and the fixed lists that describe how an agent works."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class AgentState(StrEnum):
    """Where an agent is in its life. Only an active agent may act or be given a credential."""

    DRAFT = "draft"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    RETIRED = "retired"


class AgentVerb(StrEnum):
    """What a person does to an agent to move it from one state to another."""

    ACTIVATE = "activate"
    SUSPEND = "suspend"
    REINSTATE = "reinstate"
    RETIRE = "retire"


class Platform(StrEnum):
    """The coding agent that is behind the registration."""

    CLAUDE_CODE = "claude_code"
    CODEX = "codex"
    COPILOT = "copilot"
    CURSOR = "cursor"
    GEMINI = "gemini"
    DROID = "droid"
    OTHER = "other"


class Trigger(StrEnum):
    """What starts the agent's work."""

    PERSON = "person"
    SCHEDULE = "schedule"
    WEBHOOK = "webhook"


class HumanPosition(StrEnum):
    """Where a person stands while the agent works: each step, watching, or neither."""

    IN_LOOP = "in_loop"
    ON_LOOP = "on_loop"
    OFF_LOOP = "off_loop"


class Criticality(StrEnum):
    """How much it would matter if the agent went wrong."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class IllegalMove(Exception):
    """A verb was used in a state that does not have it. Carries both as ``state`` and ``verb``."""

    def __init__(self, state: AgentState, verb: AgentVerb) -> None:
        super().__init__(f"An agent that is {state.value} cannot {_DONE_TO[verb]}.")
        self.state = state
        self.verb = verb


_DONE_TO = {
    AgentVerb.ACTIVATE: "be activated",
    AgentVerb.SUSPEND: "be suspended",
    AgentVerb.REINSTATE: "be reinstated",
    AgentVerb.RETIRE: "be retired",
}

# Retired has no way out: a retired agent that came back would carry its old name over a new authority.
TRANSITIONS: Mapping[tuple[AgentState, AgentVerb], AgentState] = MappingProxyType(
    {
        (AgentState.DRAFT, AgentVerb.ACTIVATE): AgentState.ACTIVE,
        (AgentState.DRAFT, AgentVerb.RETIRE): AgentState.RETIRED,
        (AgentState.ACTIVE, AgentVerb.SUSPEND): AgentState.SUSPENDED,
        (AgentState.ACTIVE, AgentVerb.RETIRE): AgentState.RETIRED,
        (AgentState.SUSPENDED, AgentVerb.REINSTATE): AgentState.ACTIVE,
        (AgentState.SUSPENDED, AgentVerb.RETIRE): AgentState.RETIRED,
    }
)


def advance(state: AgentState, verb: AgentVerb) -> AgentState:
    """Return the state that ``verb`` leads to, or raise ``IllegalMove``."""
    try:
        return TRANSITIONS[state, verb]
    except KeyError:
        raise IllegalMove(state, verb) from None


def verbs_in(state: AgentState) -> tuple[AgentVerb, ...]:
    """Return the verbs that are possible in ``state``, in the order of the table."""
    return tuple(verb for origin, verb in TRANSITIONS if origin is state)


def may_act(state: AgentState) -> bool:
    """Return whether an agent in ``state`` may act and hold a working credential."""
    return state is AgentState.ACTIVE

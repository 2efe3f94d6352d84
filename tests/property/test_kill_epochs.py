"""The combined epoch of an agent only grows, whatever is stopped, resumed or moved, in any order."""

from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from registry.rules.kill import ScopeKind, combined_epoch, epoch_after_transfer, keys_over, next_epoch, scope_key

AGENTS = [UUID(int=number) for number in range(1, 4)]
TEAMS = [UUID(int=number) for number in range(11, 14)]
SCOPES = [
    "all",
    *(scope_key(ScopeKind.TEAM, team) for team in TEAMS),
    *(scope_key(ScopeKind.AGENT, agent) for agent in AGENTS),
    *(scope_key(ScopeKind.DRILL, agent) for agent in AGENTS),
]


class Epochs(RuleBasedStateMachine):
    """What the services do to the rows of the kill states, with the rules alone."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs: dict[str, int] = {}
        self.stopped: set[str] = set()
        self.team: dict[UUID, UUID] = {}
        self.seen: dict[UUID, int] = {}
        self.granted: dict[UUID, int] = {}

    @initialize(teams=st.lists(st.sampled_from(TEAMS), min_size=3, max_size=3))
    def place(self, teams: list[UUID]) -> None:
        self.team = dict(zip(AGENTS, teams, strict=True))
        self.seen = {agent: self.combined(agent) for agent in AGENTS}

    def combined(self, agent: UUID) -> int:
        return combined_epoch(self.epochs.get(key, 0) for key in keys_over(agent_id=agent, team_id=self.team[agent]))

    @rule(key=st.sampled_from(SCOPES))
    def stop(self, key: str) -> None:
        if key not in self.stopped:
            self.epochs[key] = next_epoch(self.epochs.get(key, 0))
            self.stopped.add(key)
            self.void(key)

    @precondition(lambda self: self.stopped)
    @rule(data=st.data())
    def resume(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.stopped)))
        self.epochs[key] = next_epoch(self.epochs[key])
        self.stopped.discard(key)
        self.void(key)

    @rule(agent=st.sampled_from(AGENTS), team=st.sampled_from(TEAMS))
    def move(self, agent: UUID, team: UUID) -> None:
        own, old, new = (scope_key(*of) for of in self.scopes(agent, team))
        self.epochs[own] = epoch_after_transfer(
            agent_epoch=self.epochs.get(own, 0),
            old_team_epoch=self.epochs.get(old, 0),
            new_team_epoch=self.epochs.get(new, 0),
        )
        self.team[agent] = team
        assert self.combined(agent) > self.seen[agent]

    def scopes(self, agent: UUID, team: UUID) -> list[tuple[ScopeKind, UUID]]:
        return [(ScopeKind.AGENT, agent), (ScopeKind.TEAM, self.team[agent]), (ScopeKind.TEAM, team)]

    @rule(agent=st.sampled_from(AGENTS))
    def grant(self, agent: UUID) -> None:
        self.granted[agent] = self.combined(agent)

    def void(self, key: str) -> None:
        """Every grant of before under this key must be dead from now on."""
        for agent, epoch in self.granted.items():
            if key in keys_over(agent_id=agent, team_id=self.team[agent]):
                assert self.combined(agent) != epoch

    @invariant()
    def never_less(self) -> None:
        for agent in self.team:
            now = self.combined(agent)
            assert now >= self.seen[agent]
            self.seen[agent] = now


TestEpochs = Epochs.TestCase

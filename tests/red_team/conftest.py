"""What the red team shares, and the report of its races."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from time import perf_counter

import psycopg
import pytest

from tests.red_team.racing import Race
from tests.red_team.trials import THOROUGH, TRIALS

# An agent may ask for so many in ten minutes; a trial opens a few.
_EVERY = 8
_RECENT = "opened_at > clock_timestamp() - interval '30 minutes'"
_REST = (
    f"UPDATE approvals_approvalrequest SET opened_at = opened_at - interval '1 hour' WHERE {_RECENT}",
    "UPDATE approvals_approvalrequest SET state = 'withdrawn' WHERE state = 'pending'",
    "DELETE FROM approvals_cooldown",
    # The stop file names every stop in force, so it would grow with the trials.
    "UPDATE registry_killstate SET stopped = false WHERE stopped",
)


@pytest.fixture
def rest(super_connection: psycopg.Connection[tuple[object, ...]]) -> Callable[[], None]:
    """What was asked before lies an hour back, or the agent would be told to cool down.

    Nothing of an earlier trial waits any more, and its stops are over.
    """

    def now() -> None:
        for statement in _REST:
            super_connection.execute(statement)

    return now


@pytest.fixture
def rested(rest: Callable[[], None]) -> Callable[[], None]:
    """The same, called before each trial and done before every eighth."""
    calls = count()

    def before() -> None:
        if next(calls) % _EVERY == 0:
            rest()

    return before


@pytest.fixture
def race(request: pytest.FixtureRequest, transactional_db: None) -> Iterator[Race]:
    """The trials of a test that is ``raced``; what became of them is in the report."""
    began = perf_counter()
    running = Race(request.param)
    try:
        yield running
    finally:
        running.close()
        told: dict[str, object] = {"trials": running.begun, "met": running.met, "seconds": perf_counter() - began}
        request.node.user_properties.append(("race", told | {"seen": dict(running.seen)}))


@dataclass
class _Line:
    """What the report says of one race, its portions taken together."""

    trials: int = 0
    met: int = 0
    seconds: float = 0
    violations: int = 0
    seen: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        ended = ", ".join(f"{ending} {count}" for ending, count in self.seen.most_common())
        return f"{self.trials:8}  {self.violations:10}  {self.met:15}  {self.seconds:7.0f}  ended: {ended}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """A line for each race: how many trials, how many violated something (a portion ends with its first), how long."""
    if TRIALS < THOROUGH and config.get_verbosity() <= 0:
        return
    failed = {one.nodeid for key in ("failed", "error") for one in terminalreporter.stats.get(key, [])}
    lines: dict[str, _Line] = {}
    for report in terminalreporter.stats.get("", []):
        for name, told in getattr(report, "user_properties", ()):
            if name == "race" and report.when == "teardown":
                line = lines.setdefault(report.nodeid.partition("[")[0].removeprefix("tests/red_team/"), _Line())
                line.trials += told["trials"]
                line.met += told["met"]
                line.seconds += told["seconds"]
                line.violations += report.nodeid in failed
                line.seen.update(told["seen"])
    if not lines:
        return
    terminalreporter.section("races")
    terminalreporter.write_line("  trials  violations  all inside once  seconds")
    for key, line in sorted(lines.items()):
        terminalreporter.write_line(f"{key}\n{line}")

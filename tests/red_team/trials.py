"""How often a race is run: a few hundred in all with the other tests, 10,000 each by ``make red-team-full``."""

import os

import pytest

TRIALS = int(os.environ.get("BAILIWICK_RED_TEAM_TRIALS", "200"))
# From here on each race has all of them. Below it they share: a race also sets up people and agents.
THOROUGH = 500
# A race of many is run in portions, each on rows of its own: what an earlier trial left would make later ones dearer,
# and portions are spread evenly over the processes.
_PORTION = 500


def trials(part: int = 10) -> int:
    """The trials of one race: its part of what is asked for, or all of it in a thorough run."""
    return TRIALS if TRIALS >= THOROUGH else max(4, TRIALS // part)


def raced(part: int = 10) -> pytest.MarkDecorator:
    """Run a test that takes the fixture ``race`` once for each portion of its trials."""
    wanted = trials(part)
    portions = [min(_PORTION, wanted - begun) for begun in range(0, wanted, _PORTION)]
    names = [f"{size}-trials" + (f"-{place}" if len(portions) > 1 else "") for place, size in enumerate(portions, 1)]
    return pytest.mark.parametrize("race", portions, ids=names, indirect=True)

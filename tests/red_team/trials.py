"""How often a race is run: a few hundred in all with the other tests, 10,000 each by ``make red-team-full``."""

import os

TRIALS = int(os.environ.get("BAILIWICK_RED_TEAM_TRIALS", "200"))
# From here on each race has all of them. Below it they share: a trial opens connections for its threads.
THOROUGH = 1_000


def trials(part: int = 10) -> int:
    """The trials of one race: its part of what is asked for, or all of it in a thorough run."""
    return TRIALS if TRIALS >= THOROUGH else max(4, TRIALS // part)

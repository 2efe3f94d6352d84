"""How often a race is run: a few hundred times with the other tests, ten thousand by ``make red-team-full``."""

import os

TRIALS = int(os.environ.get("BAILIWICK_RED_TEAM_TRIALS", "200"))

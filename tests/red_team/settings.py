"""Settings of the web processes that a test starts: those of `make run`, with each answer naming its worker."""

from tests.process_settings import *  # noqa: F403
from tests.process_settings import MIDDLEWARE

MIDDLEWARE = ["tests.red_team.answering.name_the_worker", *MIDDLEWARE]

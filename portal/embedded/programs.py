"""The command lines of the three long-running programs: web, worker and beat."""

import sys

from portal.embedded.children import Command
from portal.embedded.environment import Settings


def programs(settings: Settings, *, port: int) -> list[Command]:
    """In the order of starting; they are stopped in the same order, so that no new work arrives meanwhile."""
    return [_web(settings, port), _beat(settings), _worker()]


def _web(settings: Settings, port: int) -> Command:
    arguments = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", settings.host]
    arguments += ["--port", str(port), "--workers", "2", "--blocking-threads", "8", "--no-ws", "--http", "1"]
    arguments += ["--respawn-failed-workers", "--workers-kill-timeout", "10", "--log-level", "warning"]
    return Command(name="web", arguments=[*arguments, "portal.wsgi:application"], grace=20)


def _beat(settings: Settings) -> Command:
    """A process of its own: inside the worker it outlives a killed worker as an orphan."""
    schedule = settings.data_dir / "beat-schedule"
    arguments = [sys.executable, "-m", "celery", "-A", "portal", "beat", "--schedule", str(schedule)]
    return Command(name="beat", arguments=[*arguments, "--pidfile=", "--loglevel", "WARNING"], grace=10)


def _worker() -> Command:
    arguments = [sys.executable, "-m", "celery", "-A", "portal", "worker", "-P", "threads", "-c", "4"]
    arguments += ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO"]
    return Command(name="worker", arguments=arguments, grace=30)

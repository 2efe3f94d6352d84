"""Sending a requested package to a worker as soon as its request stands in the log."""

from collections.abc import Sequence

from celery import current_app

from portal.ledger.models import Entry

# By name: the task is part of the wiring, which no app imports.
BUILD = "portal.tasks.build_package"


def dispatch(entries: Sequence[Entry]) -> None:
    """Enqueue each package asked for. What is lost on the way is found by the sweep of waiting packages."""
    for entry in entries:
        current_app.send_task(BUILD, args=[entry.body["data"]["package"]])

"""``manage.py replay_checks``: does chunks of a replay that another process hands it, one line of JSON each.

A process of its own, since the worker is threaded and one thread of Python uses one core. It ends with its input,
so it never outlives whoever started it.
"""

import sys
from typing import Any

import orjson
from django.core.management.base import BaseCommand

from approvals.jobs.replay_work import Worker, chunk_of


class Command(BaseCommand):
    help = "Internal: replay recorded checks for the process that started this one."
    # Whoever starts it has passed them; here they would only cost the time of a few thousand checks.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        lines = sys.stdin.buffer
        worker = Worker(orjson.loads(lines.readline()))
        for line in lines:
            counted = worker.do(chunk_of(orjson.loads(line)))
            sys.stdout.buffer.write(orjson.dumps(counted) + b"\n")
            sys.stdout.buffer.flush()
